using System.Text;
using Mica.Linux;

namespace Mica.Store;

/// <summary>
/// A file on its way to its place. It is locked while it is written, so that others know it from one that a killed process
/// has left; it is deleted unless it is committed.
/// </summary>
internal sealed class StagedFile : IAsyncDisposable
{
    private const int WouldBlock = 11; // EAGAIN
    private const int AlreadyExists = 17; // EEXIST

    private static long s_last;

    private readonly string _path;
    private bool _committed;

    private StagedFile(string path, FileStream stream)
    {
        _path = path;
        Stream = stream;
    }

    public FileStream Stream { get; }

    /// <summary>Creates a file whose name begins with <paramref name="prefix"/>.</summary>
    public static StagedFile Create(string prefix)
    {
        while (true)
        {
            // No name comes twice from one process: who deletes an abandoned file by its name hits no other.
            string path = $"{prefix}{Environment.ProcessId}-{Interlocked.Increment(ref s_last)}";
            if (TryCreate(path) is { } stream)
            {
                if (File.Exists(path))
                {
                    return new StagedFile(path, stream);
                }

                // Taken for abandoned before it was locked.
                stream.Dispose();
            }
        }
    }

    /// <summary>Deletes a staged file that nobody writes any more.</summary>
    public static void DeleteAbandoned(string path)
    {
        try
        {
            using var abandoned = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            File.Delete(path);
        }
        catch (IOException)
        {
            // Its writer lives, or has just finished.
        }
    }

    /// <summary>
    /// Forces the bytes to the disk and moves the file to <paramref name="name"/> in <paramref name="target"/>, over what is there.
    /// </summary>
    /// <param name="directory">The directory that the file is in.</param>
    /// <param name="target">On the same file system.</param>
    /// <param name="name">The file's name from now on.</param>
    public void Commit(DirectoryHandle directory, DirectoryHandle target, byte[] name)
    {
        Stream.Flush(flushToDisk: true);
        Errno errno = directory.TryRename(Encoding.UTF8.GetBytes(Path.GetFileName(_path)), target, name, RenameMode.Replace);
        if (errno != Errno.None)
        {
            throw new LinuxException("rename", name, errno);
        }

        _committed = true;
        target.Sync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_committed)
        {
            File.Delete(_path);
        }

        await Stream.DisposeAsync();
    }

    private static FileStream? TryCreate(string path)
    {
        try
        {
            return new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                Share = FileShare.None, // flock(LOCK_EX | LOCK_NB)
                BufferSize = 0,
            });
        }
        catch (IOException failure) when (failure.HResult is WouldBlock or AlreadyExists)
        {
            return null;
        }
    }
}
