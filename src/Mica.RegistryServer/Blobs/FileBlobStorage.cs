using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Mica.Linux;
using Mica.Oci;
using Mica.RegistryServer.Metadata;
using Microsoft.Win32.SafeHandles;

namespace Mica.RegistryServer.Blobs;

/// <summary>Blobs as files, <c>DIRECTORY/ab/abcdef…</c> by the key. A file is written where it will stay.</summary>
internal sealed class FileBlobStorage : IBlobStorage
{
    /// <summary>Large pieces keep the calls per byte few.</summary>
    private const int PieceSize = 256 * 1024;

    /// <summary>A reader that is slow holds one of these; a quick one soon gets large ones.</summary>
    private const int SmallPiece = 32 * 1024;

    /// <summary>So much is written before the kernel is told to bring it to the disk.</summary>
    private const int WriteBehind = 8 << 20;

    private static readonly TimeSpan s_slow = TimeSpan.FromMilliseconds(20);

    private readonly string _directory;

    public FileBlobStorage(string directory)
    {
        _directory = directory;
        for (int prefix = 0; prefix < 256; prefix++)
        {
            Directory.CreateDirectory(Path.Combine(directory, prefix.ToString("x2", null)));
        }
    }

    public async Task<Upload> AppendAsync(Upload upload, Stream content, bool isLast, CancellationToken cancellationToken)
    {
        string path = PathOf(upload.Id);
        byte[] piece = ArrayPool<byte>.Shared.Rent(PieceSize);
        long size = upload.Size, begun = size;
        try
        {
            using SafeFileHandle file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
            if (RandomAccess.GetLength(file) != size)
            {
                RandomAccess.SetLength(file, size);
            }

            while (true)
            {
                int read = await content.ReadAtLeastAsync(piece.AsMemory(0, PieceSize), PieceSize, throwOnEndOfStream: false, cancellationToken);
                if (read > 0)
                {
                    RandomAccess.Write(file, piece.AsSpan(0, read), size);
                    size += read;
                }

                if (size - begun >= WriteBehind)
                {
                    LinuxFileSystem.StartWriting(file, begun, size - begun);
                    begun = size;
                }

                if (read < PieceSize)
                {
                    return upload with { Size = size };
                }
            }
        }
        catch (Exception error)
        {
            // The upload is as long as it was: what came beyond that would only take up space until somebody goes on with it.
            Shorten(path, upload.Size);
            if (error is IOException failure && IsDiskFull(failure))
            {
                throw Full(failure);
            }

            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    public bool TryAdopt(Upload upload, string path)
    {
        File.Move(path, PathOf(upload.Id));
        return true;
    }

    public Task DiscardAsync(Upload before, Upload after, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<string> CompleteAsync(Upload upload, CancellationToken cancellationToken)
    {
        string path = PathOf(upload.Id);
        try
        {
            using (SafeFileHandle file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read))
            {
                RandomAccess.SetLength(file, upload.Size);
                RandomAccess.FlushToDisk(file);
            }

            LinuxFileSystem.SyncDirectory(Path.GetDirectoryName(path)!);
            return Task.FromResult(upload.Id);
        }
        catch (IOException error) when (IsDiskFull(error))
        {
            // Some file systems find the place for what was written only now.
            throw Full(error);
        }
    }

    public Task AbandonAsync(Upload upload, CancellationToken cancellationToken) => RemoveAsync(upload.Id, cancellationToken);

    public Task<int> RemoveUnfinishedAsync(Func<string, Task<bool>> isAlive, CancellationToken cancellationToken) => Task.FromResult(0);

    public ValueTask<Uri?> RedirectAsync(string key, long size) => ValueTask.FromResult<Uri?>(null);

    public Task<Stream> OpenAsync(string key, long offset, long length, CancellationToken cancellationToken)
    {
        var stream = new FileStream(Open(key), FileAccess.Read, bufferSize: 0);
        stream.Position = offset;
        return Task.FromResult<Stream>(new BoundedStream(stream, length));
    }

    public async Task SendAsync(string key, long offset, long length, PipeWriter target, CancellationToken cancellationToken)
    {
        using SafeFileHandle file = Open(key);
        int piece = SmallPiece;
        while (length > 0)
        {
            long started = Stopwatch.GetTimestamp();
            int wanted = (int)Math.Min(length, piece);
            Memory<byte> memory = target.GetMemory(wanted);
            int read = RandomAccess.Read(file, memory.Span[..wanted], offset);
            if (read == 0)
            {
                throw new MicaException(ErrorKind.ContentMismatch, $"blob {key} is shorter than it should be");
            }

            target.Advance(read);
            offset += read;
            length -= read;
            FlushResult result = await target.FlushAsync(cancellationToken);
            if (result.IsCompleted || result.IsCanceled)
            {
                return;
            }

            piece = Stopwatch.GetElapsedTime(started) < s_slow ? Math.Min(2 * piece, PieceSize) : SmallPiece;
        }
    }

    public Task RemoveAsync(string key, CancellationToken cancellationToken)
    {
        File.Delete(PathOf(key));
        return Task.CompletedTask;
    }

    public async IAsyncEnumerable<(string Key, DateTimeOffset Changed)> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (FileInfo file in new DirectoryInfo(_directory).EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true }))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return (file.Name, file.LastWriteTimeUtc);
        }

        await Task.CompletedTask;
    }

    private static void Shorten(string path, long size)
    {
        try
        {
            using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.Read);
            RandomAccess.SetLength(file, size);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Whoever goes on with the upload does the same first.
        }
    }

    private static MicaException Full(IOException error) => new(ErrorKind.Unavailable, "no space left on device", error);

    public Task ProbeAsync(CancellationToken cancellationToken) => Directory.Exists(Path.Combine(_directory, "00"))
        ? Task.CompletedTask
        : Task.FromException(new MicaException(ErrorKind.Unavailable, $"{_directory} is gone"));

    private static bool IsDiskFull(IOException error) => (error.HResult & 0xffff) is 28 or 122;

    private SafeFileHandle Open(string key)
    {
        try
        {
            return File.OpenHandle(PathOf(key), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new MicaException(ErrorKind.NotFound, $"the bytes of blob {key} are missing", error);
        }
    }

    /// <summary>Keys are ours: lower-case hex, never a path.</summary>
    private string PathOf(string key) => Path.Combine(_directory, key[..2], key);
}
