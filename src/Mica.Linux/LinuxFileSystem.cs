using Microsoft.Win32.SafeHandles;

namespace Mica.Linux;

/// <summary>What a store asks of the file system by path rather than by handle.</summary>
public static class LinuxFileSystem
{
    /// <summary>Which inode an open file is. statx(2).</summary>
    public static unsafe FileIdentity IdentityOf(SafeFileHandle file)
    {
        byte empty = 0;
        StatxBuffer buffer;
        return Libc.Statx(file, &empty, Constants.AtEmptyPath, Constants.StatxBasicStats, &buffer) == 0
            ? new FileStatus(in buffer).Identity
            : throw new LinuxException("stat", [], Libc.LastError);
    }

    /// <summary>Makes the names in the directory at <paramref name="path"/> durable. fsync(2).</summary>
    public static void SyncDirectory(string path)
    {
        using DirectoryHandle directory = DirectoryHandle.Open(path);
        Named(path, directory.Sync);
    }

    /// <summary>Makes everything on the file system of the directory at <paramref name="path"/> durable. syncfs(2).</summary>
    public static void SyncAll(string path)
    {
        using DirectoryHandle directory = DirectoryHandle.Open(path);
        Named(path, directory.SyncFileSystem);
    }

    /// <summary>
    /// Lets the kernel begin to write these bytes of the file to the disk, without waiting for it, so that forcing the file
    /// later has less to wait for. A hint: where it cannot be taken, nothing happens. sync_file_range(2).
    /// </summary>
    public static void StartWriting(SafeFileHandle file, long offset, long length)
    {
        const uint Write = 2;
        _ = Libc.SyncFileRange(file, offset, length, Write);
    }

    /// <summary>
    /// Renames <paramref name="from"/> to <paramref name="to"/>; false, and nothing happens, when something has that name.
    /// Where the file system cannot tell (<see cref="Errno.EINVAL"/>: some network file systems) the exception says so.
    /// </summary>
    public static bool TryRenameNoReplace(string from, string to) => Rename(from, to, RenameMode.NoReplace) switch
    {
        Errno.None => true,
        Errno.EEXIST => false,
        Errno errno => throw new LinuxException("rename", from, errno),
    };

    /// <summary>Swaps the names of two existing files or directories.</summary>
    public static void Exchange(string first, string second)
    {
        Errno errno = Rename(first, second, RenameMode.Exchange);
        if (errno != Errno.None)
        {
            throw new LinuxException("rename", first, errno);
        }
    }

    /// <summary>Removes the tree at <paramref name="path"/>: <see cref="DirectoryHandle.RemoveTree"/>.</summary>
    public static RemovedTree RemoveTree(string path)
    {
        string full = Path.GetFullPath(path).TrimEnd('/');
        if (!Directory.Exists(Path.GetDirectoryName(full)))
        {
            return default;
        }

        using DirectoryHandle parent = DirectoryHandle.Open(Path.GetDirectoryName(full)!);
        return parent.RemoveTree(CString.Bytes(Path.GetFileName(full)));
    }

    /// <summary>What is left on the file system of the directory at <paramref name="path"/>. statfs(2).</summary>
    public static FileSystemSpace GetSpace(string path)
    {
        using DirectoryHandle directory = DirectoryHandle.Open(path);
        return directory.GetSpace();
    }

    private static unsafe Errno Rename(string from, string to, RenameMode mode)
    {
        fixed (byte* cFrom = Terminated(from))
        fixed (byte* cTo = Terminated(to))
        {
            int result = Libc.RenameAt(Constants.CurrentDirectory, cFrom, Constants.CurrentDirectory, cTo, (uint)mode);
            return result < 0 ? Libc.LastError : Errno.None;
        }
    }

    private static byte[] Terminated(string path)
    {
        byte[] bytes = CString.Bytes(path);
        byte[] result = new byte[CString.Size(bytes)];
        CString.Write(bytes, result);
        return result;
    }

    private static void Named(string path, Action sync)
    {
        try
        {
            sync();
        }
        catch (LinuxException failure)
        {
            throw new LinuxException("sync", path, failure.Errno);
        }
    }
}

/// <summary>Space of a file system.</summary>
/// <param name="TotalBytes">All there is.</param>
/// <param name="AvailableBytes">What this user may still take.</param>
/// <param name="AvailableInodes">Files that can still be created; <see cref="long.MaxValue"/> where inodes are not counted.</param>
public readonly record struct FileSystemSpace(long TotalBytes, long AvailableBytes, long AvailableInodes);
