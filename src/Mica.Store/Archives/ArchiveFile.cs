using Mica.Layers;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>
/// Makes an archive readable by position: a plain file is read where it is; a compressed one, or a stream that cannot seek, is
/// first written out to a temporary file that has no name any more, so that it vanishes with this process.
/// </summary>
internal static class ArchiveFile
{
    private const int BufferSize = 256 << 10;
    private const int MagicLength = 6;

    public static async Task<SafeFileHandle> OpenAsync(
        string path, string displayName, ImageArchiveOptions options, CancellationToken cancellationToken)
    {
        SafeFileHandle file = OpenFile(path, displayName);
        bool plain = false;
        try
        {
            await using var stream = new FileStream(Borrow(file), FileAccess.Read, bufferSize: 0);
            plain = stream.CanSeek && IsPlain(stream, displayName);
            return plain ? file : await SpoolAsync(stream, displayName, options, cancellationToken);
        }
        finally
        {
            if (!plain)
            {
                file.Dispose();
            }
        }
    }

    /// <summary>A handle for a stream whose end must not be that of <paramref name="file"/>.</summary>
    public static SafeFileHandle Borrow(SafeFileHandle file) => new(file.DangerousGetHandle(), ownsHandle: false);

    /// <summary>Writes <paramref name="archive"/> out, decompressed. The caller keeps the stream.</summary>
    public static async Task<SafeFileHandle> SpoolAsync(
        Stream archive, string displayName, ImageArchiveOptions options, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.SpoolDirectory);
        string path = Path.Join(options.SpoolDirectory, $"archive-{Path.GetRandomFileName()}");
        SafeFileHandle spool = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            File.Delete(path);
            await Task.Run(() => Spool(archive, spool, displayName, options.MaxUnpackedSize, cancellationToken), cancellationToken);
            return spool;
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }

    private static SafeFileHandle OpenFile(string path, string displayName)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new MicaException(ErrorKind.NotFound, $"{displayName}: no such file", failure);
        }
        catch (UnauthorizedAccessException failure)
        {
            throw Directory.Exists(path)
                ? new MicaException(ErrorKind.InvalidArgument, $"{displayName}: is a directory, not an archive", failure)
                : new MicaException(ErrorKind.PermissionDenied, $"{displayName}: permission denied", failure);
        }
    }

    private static bool IsPlain(FileStream file, string displayName)
    {
        byte[] head = new byte[MagicLength];
        int length = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        file.Position = 0;
        return Named(displayName, () => LayerDecompressor.Detect(head.AsSpan(0, length))) == LayerCompression.None;
    }

    private static void Spool(Stream archive, SafeFileHandle spool, string displayName, long maxSize, CancellationToken cancellationToken) =>
        Named(displayName, () =>
        {
            using Stream tar = LayerDecompressor.Open(new BorrowedStream(archive), out _);
            byte[] buffer = new byte[BufferSize];
            long length = 0;
            for (int count; (count = tar.Read(buffer)) > 0; length += count)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (length + count > maxSize)
                {
                    throw new MicaException(ErrorKind.ContentMismatch, $"the archive has more than {maxSize} bytes when unpacked, which is the limit");
                }

                RandomAccess.Write(spool, buffer.AsSpan(0, count), length);
            }

            return length;
        });

    /// <summary>Runs <paramref name="read"/>; what fails in it gets the archive's name.</summary>
    private static T Named<T>(string displayName, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (MicaException error)
        {
            throw new MicaException(error.Kind, error.Kind == ErrorKind.Unsupported
                ? $"{displayName}: the archive is compressed with something else than gzip or zstd; unpack it first"
                : $"{displayName}: {error.Message}", error);
        }
    }
}
