using System.Text;
using Mica.Linux;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>
/// The files of a directory that holds images and that somebody else may have made: what is opened in it is a regular file
/// beneath it, no link leads out of it, and what is written appears whole and durable, or not at all. Names are relative
/// (<c>a/b</c>), and never come from outside.
/// </summary>
internal sealed class LayoutDirectory(string path, string displayName)
{
    private const string OurPrefix = ".mica-";
    private const string StagedPrefix = OurPrefix + "staged-";
    private const int CopyBufferSize = 128 << 10;

    private readonly string _root = Path.GetFullPath(path);

    private string LockPath => Path.Join(_root, OurPrefix + "lock");

    /// <summary>Whether the name is of a file that belongs to writers, not to an image.</summary>
    public static bool IsOurs(string name) => name.StartsWith(OurPrefix, StringComparison.Ordinal);

    public bool Exists(string name) => Length(name) is not null;

    /// <summary>The length of the file, or null when there is none.</summary>
    public long? Length(string name) => Translated(() =>
    {
        using DirectoryHandle? parent = OpenParent(name, out byte[] file);
        return parent is null ? null : Status(parent, file, name)?.Size;
    });

    /// <summary>Opens the file for reading by position; null when there is none.</summary>
    public SafeFileHandle? Open(string name) => Translated(() =>
    {
        using DirectoryHandle? parent = OpenParent(name, out byte[] file);
        // The status first: opening a device can do more than open it.
        return parent is null || Status(parent, file, name) is null ? null : parent.OpenFile(file);
    });

    /// <summary>The bytes of a small file, or null when there is none.</summary>
    public async Task<byte[]?> ReadAsync(string name, int maxSize, CancellationToken cancellationToken)
    {
        using SafeFileHandle? file = Open(name);
        if (file is null)
        {
            return null;
        }

        long length = RandomAccess.GetLength(file);
        if (length > maxSize)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{displayName}: {name} has {length} bytes; at most {maxSize} are read");
        }

        byte[] content = new byte[length];
        await using var section = new FileSection(file, 0, length, owned: false, $"{displayName}: {name}");
        await section.ReadExactlyAsync(content, cancellationToken);
        return content;
    }

    /// <summary>Replaces the file by one with these bytes.</summary>
    public async Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await using StagedFile staged = Stage();
        Translated(() => Append(staged, content.Span));
        Commit(staged, name);
    }

    /// <summary>Stores what <paramref name="content"/> delivers as the file, verified against <paramref name="expected"/>.</summary>
    public async Task WriteVerifiedAsync(string name, Descriptor expected, Stream content, CancellationToken cancellationToken)
    {
        await using StagedFile staged = Stage();
        await using var verified = new VerifyingStream(new BorrowedStream(content), expected);
        byte[] buffer = new byte[(int)Math.Clamp(expected.Size, 1, CopyBufferSize)];
        for (int count; (count = await verified.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            Translated(() => Append(staged, buffer.AsSpan(0, count)));
        }

        Commit(staged, name);
    }

    /// <summary>Waits until no other writer, of this or another process, is between the lock and its disposal.</summary>
    public async Task<IDisposable> LockAsync(CancellationToken cancellationToken)
    {
        try
        {
            FileLock? held = await FileLock.AcquireAsync(LockPath, FileLockMode.Exclusive, Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            return new HeldLock(held!, LockPath);
        }
        catch (Exception failure) when (StoreErrors.Translate(failure, displayName) is { } translated)
        {
            throw translated;
        }
    }

    /// <summary>Deletes the file if it is there; not one in a directory of its own.</summary>
    public void Delete(string name) => Translated(() => File.Delete(Path.Join(_root, name)));

    /// <summary>The blobs that were not written within the last hour.</summary>
    public string[] OldBlobs() => Translated(() => Directory.Exists(Path.Join(_root, "blobs"))
        ? Directory.GetFiles(Path.Join(_root, "blobs"), "*", SearchOption.AllDirectories)
            .Where(path => File.GetLastWriteTimeUtc(path) < TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-1))
            .Select(path => Path.GetRelativePath(_root, path)).ToArray()
        : []);

    /// <summary>The names of what is right in the directory.</summary>
    public string[] Names() => Translated(() => Directory.GetFileSystemEntries(_root).Select(path => Path.GetFileName(path)).ToArray());

    /// <summary>Makes the directory, and deletes what writers that were killed have left in it.</summary>
    public void Prepare() => Translated(() =>
    {
        Directory.CreateDirectory(_root);
        foreach (string path in Directory.GetFiles(_root, StagedPrefix + "*"))
        {
            StagedFile.DeleteAbandoned(path);
        }
    });

    private static void Append(StagedFile staged, ReadOnlySpan<byte> bytes) => staged.Stream.Write(bytes);

    private StagedFile Stage() => Translated(() => StagedFile.Create(Path.Join(_root, StagedPrefix)));

    private void Commit(StagedFile staged, string name) => Translated(() =>
    {
        using DirectoryHandle root = DirectoryHandle.Open(_root);
        using DirectoryHandle parent = MakeParent(root, name, out byte[] file);
        staged.Commit(root, parent, file);
    });

    /// <summary>The directory that the name is in; null when it is not there.</summary>
    private DirectoryHandle? OpenParent(string name, out byte[] file)
    {
        (string directory, file) = Split(name);
        try
        {
            using DirectoryHandle root = DirectoryHandle.Open(_root);
            return root.OpenDirectoryInRoot(Encoding.UTF8.GetBytes(directory));
        }
        catch (LinuxException failure) when (failure.Errno is Errno.ENOENT or Errno.ENOTDIR)
        {
            return null;
        }
    }

    /// <summary>The directory that the name is in; made, and durable, when it was not there.</summary>
    private static DirectoryHandle MakeParent(DirectoryHandle root, string name, out byte[] file)
    {
        (string directory, file) = Split(name);
        DirectoryHandle parent = root.OpenDirectory("."u8);
        for (int end = 0; directory != "." && end < directory.Length; end++)
        {
            int start = end;
            end = directory.IndexOf('/', start) is var slash and >= 0 ? slash : directory.Length;
            using DirectoryHandle above = parent;
            Errno errno = above.TryMakeDirectory(Encoding.UTF8.GetBytes(directory[start..end]), 0x1ed);
            if (errno == Errno.None)
            {
                above.Sync();
            }
            else if (errno != Errno.EEXIST)
            {
                throw new LinuxException("mkdir", directory[..end], errno);
            }

            parent = root.OpenDirectoryInRoot(Encoding.UTF8.GetBytes(directory[..end]));
        }

        return parent;
    }

    private static (string Directory, byte[] File) Split(string name)
    {
        int slash = name.LastIndexOf('/');
        return (slash < 0 ? "." : name[..slash], Encoding.UTF8.GetBytes(name[(slash + 1)..]));
    }

    /// <summary>The status of a regular file, null when there is nothing.</summary>
    private FileStatus? Status(DirectoryHandle parent, byte[] file, string name)
    {
        Errno errno = parent.TryGetStatus(file, out FileStatus status);
        if (errno == Errno.ENOENT)
        {
            return null;
        }

        if (errno != Errno.None)
        {
            throw new LinuxException("stat", name, errno);
        }

        return status.Kind == FileKind.File
            ? status
            : throw new MicaException(ErrorKind.ContentMismatch, status.Kind == FileKind.SymbolicLink
                ? $"{displayName}: {name} is a symbolic link, which is not followed"
                : $"{displayName}: {name} is not a regular file");
    }

    private void Translated(Action action) => Translated(() =>
    {
        action();
        return true;
    });

    private T Translated<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception failure) when (StoreErrors.Translate(failure, displayName) is { } translated)
        {
            throw translated;
        }
    }

    /// <summary>Takes the lock's file away when it is given back: those who wait make a new one.</summary>
    private sealed class HeldLock(FileLock held, string path) : IDisposable
    {
        public void Dispose()
        {
            File.Delete(path);
            held.Dispose();
        }
    }
}
