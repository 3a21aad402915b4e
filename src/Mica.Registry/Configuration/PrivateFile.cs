using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// Changes a file that holds secrets: one writer at a time, never half-written, readable by its owner only. A symbolic link
/// to it stays, and its target is changed.
/// </summary>
internal sealed class PrivateFile(string path, TimeProvider time, TimeSpan lockTimeout)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerOnlyDirectory = OwnerOnly | UnixFileMode.UserExecute;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Replaces the content by what <paramref name="change"/> makes of it (empty when there is no file yet); nothing happens when
    /// that is null. What other writers did before is in the content.
    /// </summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.PermissionDenied"/>, <see cref="ErrorKind.Unavailable"/> when another writer does not finish, or
    /// <see cref="ErrorKind.Failed"/>.
    /// </exception>
    public async Task ChangeAsync(Func<byte[], byte[]?> change, CancellationToken cancellationToken)
    {
        try
        {
            var link = new FileInfo(path);
            string target = link.LinkTarget is null ? link.FullName : link.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
            Directory.CreateDirectory(Path.GetDirectoryName(target)!, OwnerOnlyDirectory);
            await using FileStream held = await LockAsync(target, cancellationToken);
            if (change(ConfigurationFile.Read(target) ?? []) is { } content)
            {
                Replace(target, content);
            }
        }
        catch (UnauthorizedAccessException error)
        {
            throw new MicaException(ErrorKind.PermissionDenied, $"{Printable.Of(path)}: permission denied", error);
        }
        catch (IOException error)
        {
            throw new MicaException(ErrorKind.Failed, $"{Printable.Of(path)}: cannot be written ({Printable.Of(error.Message)})", error);
        }
    }

    /// <summary>
    /// The lock is a file of its own, since the file itself is replaced; it stays behind, since one that is removed could be
    /// locked by two.
    /// </summary>
    private async Task<FileStream> LockAsync(string target, CancellationToken cancellationToken)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            UnixCreateMode = OwnerOnly,
            BufferSize = 0,
        };
        long start = time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(target + ".lock", options);
            }
            catch (IOException) when (File.Exists(target + ".lock"))
            {
                if (time.GetElapsedTime(start) > lockTimeout)
                {
                    throw new MicaException(ErrorKind.Unavailable, $"{Printable.Of(path)}: another login is writing it");
                }
            }

            await Task.Delay(s_pause, time, cancellationToken);
        }
    }

    private static void Replace(string target, byte[] content)
    {
        // The name is fixed, so that what a crash left is cleared here; CreateNew follows no link that someone put in its place.
        string temporary = target + ".new";
        File.Delete(temporary);
        try
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = OwnerOnly,
                BufferSize = 0,
            };
            using (var stream = new FileStream(temporary, options))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
