using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace Mica.Linux;

/// <summary>
/// An open directory, and what can be done with the names in it. Names are bytes. Unless a method says otherwise a name is
/// looked up from this directory and a symbolic link at its end is never followed; a name with <c>/</c> passes through
/// links on its way, so that untrusted paths go through <see cref="OpenDirectoryInRoot"/> or one component at a time.
/// <para>
/// Methods that begin with <c>Try</c> return the <see cref="Errno"/> (<see cref="Errno.None"/> is success) where a failure is
/// ordinary; the others throw <see cref="LinuxException"/>.
/// </para>
/// </summary>
[SkipLocalsInit]
public sealed unsafe partial class DirectoryHandle : SafeHandleMinusOneIsInvalid
{
    private DirectoryHandle(int descriptor)
        : base(ownsHandle: true)
    {
        SetHandle(descriptor);
    }

    /// <summary>Opens the directory at <paramref name="path"/>, through symbolic links.</summary>
    public static DirectoryHandle Open(string path)
    {
        byte[] name = CString.Bytes(path);
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            int flags = Constants.ReadOnly | Constants.Directory | Constants.CloseOnExec;
            return new DirectoryHandle(Check(Libc.OpenAt(Constants.CurrentDirectory, cName, flags, 0), "open", name));
        }
    }

    /// <summary>Opens the directory <paramref name="name"/>; <see cref="Errno.ENOTDIR"/> when it is something else, such as a symbolic link.</summary>
    public DirectoryHandle OpenDirectory(ReadOnlySpan<byte> name)
    {
        Errno errno = TryOpenDirectory(name, out DirectoryHandle? directory);
        return directory ?? throw new LinuxException("open", name, errno);
    }

    /// <inheritdoc cref="OpenDirectory"/>
    public Errno TryOpenDirectory(ReadOnlySpan<byte> name, out DirectoryHandle? directory)
    {
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            int flags = Constants.ReadOnly | Constants.Directory | Constants.NoFollow | Constants.CloseOnExec;
            int descriptor = Libc.OpenAt(this, cName, flags, 0);
            directory = descriptor < 0 ? null : new DirectoryHandle(descriptor);
            return descriptor < 0 ? Libc.LastError : Errno.None;
        }
    }

    /// <summary>Opens the file <paramref name="name"/> for reading. Never waits for the other end of a fifo.</summary>
    public SafeFileHandle OpenFile(ReadOnlySpan<byte> name)
    {
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            int flags = Constants.ReadOnly | Constants.NoFollow | Constants.NonBlocking | Constants.CloseOnExec;
            return new SafeFileHandle(Check(Libc.OpenAt(this, cName, flags, 0), "open", name), ownsHandle: true);
        }
    }

    /// <summary>
    /// Creates the file <paramref name="name"/> for writing, with exactly <paramref name="mode"/> whatever the umask
    /// (setuid, setgid and sticky as far as <c>open(2)</c> gives them); <see cref="Errno.EEXIST"/> when anything has that name.
    /// </summary>
    public Errno TryCreateFile(ReadOnlySpan<byte> name, uint mode, out NewFile file)
    {
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            int flags = Constants.WriteOnly | Constants.Create | Constants.Exclusive | Constants.NoFollow | Constants.CloseOnExec;
            int descriptor;
            do
            {
                descriptor = Libc.OpenAt(this, cName, flags, mode);
            }
            while (descriptor < 0 && Libc.LastError == Errno.EINTR);

            file = new NewFile(descriptor);
            if (descriptor < 0)
            {
                return Libc.LastError;
            }
        }

        if ((mode & FileCreationMask.Current) != 0)
        {
            return file.TrySetMode(mode);
        }

        return Errno.None;
    }

    /// <summary>
    /// Makes the directory <paramref name="name"/> with the permission bits and the sticky bit of <paramref name="mode"/>,
    /// whatever the umask; setgid is the parent's. <see cref="Errno.EEXIST"/> when anything has that name.
    /// </summary>
    public Errno TryMakeDirectory(ReadOnlySpan<byte> name, uint mode)
    {
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            Errno errno = Result(Libc.MakeDirectoryAt(this, cName, mode));
            if (errno == Errno.None && (mode & FileCreationMask.Current) != 0)
            {
                Check(Libc.ChangeModeAt(this, cName, mode, Constants.AtSymlinkNoFollow), "chmod", name);
            }

            return errno;
        }
    }

    /// <summary>Makes the symbolic link <paramref name="name"/>, which holds <paramref name="target"/> as it is.</summary>
    public Errno TryMakeSymbolicLink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        fixed (byte* cTarget = CString.Write(target, stackalloc byte[CString.Size(target)]))
        {
            return Result(Libc.SymbolicLinkAt(cTarget, this, cName));
        }
    }

    /// <summary>Gives the inode <paramref name="name"/> the further name <paramref name="newName"/> in <paramref name="to"/>. A link is linked, not followed.</summary>
    public Errno TryLink(ReadOnlySpan<byte> name, DirectoryHandle to, ReadOnlySpan<byte> newName)
    {
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        fixed (byte* cNewName = CString.Write(newName, stackalloc byte[CString.Size(newName)]))
        {
            return Result(Libc.LinkAt(this, cName, to, cNewName, 0));
        }
    }

    /// <summary>
    /// Makes the device node or fifo <paramref name="name"/> with the permission bits of <paramref name="mode"/>, whatever the
    /// umask. Device nodes need a privilege, except for the character device 0:0 (since Linux 5.8).
    /// </summary>
    public Errno TryMakeNode(ReadOnlySpan<byte> name, FileKind kind, uint mode, uint major, uint minor)
    {
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            // The encoding of makedev(3).
            ulong device = (minor & 0xfful) | ((major & 0xffful) << 8) | ((minor & ~0xfful) << 12) | ((ulong)(major & ~0xfffu) << 32);
            Errno errno = Result(Libc.MakeNodeAt(this, cName, mode | ((uint)kind << 12), device));
            if (errno == Errno.None && (mode & FileCreationMask.Current) != 0)
            {
                Check(Libc.ChangeModeAt(this, cName, mode, Constants.AtSymlinkNoFollow), "chmod", name);
            }

            return errno;
        }
    }

    /// <summary>Removes a name that is no directory.</summary>
    public Errno TryRemoveFile(ReadOnlySpan<byte> name) => TryUnlink(name, 0);

    /// <summary>Removes an empty directory.</summary>
    public Errno TryRemoveDirectory(ReadOnlySpan<byte> name) => TryUnlink(name, Constants.AtRemoveDirectory);

    /// <summary>Renames <paramref name="name"/> to <paramref name="newName"/> in <paramref name="to"/>. renameat2(2).</summary>
    public Errno TryRename(ReadOnlySpan<byte> name, DirectoryHandle to, ReadOnlySpan<byte> newName, RenameMode mode)
    {
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        fixed (byte* cNewName = CString.Write(newName, stackalloc byte[CString.Size(newName)]))
        {
            return Result(Libc.RenameAt(this, cName, to, cNewName, (uint)mode));
        }
    }

    /// <summary>Makes the names in this directory durable. fsync(2).</summary>
    public void Sync() => Check(Libc.Sync(this), "fsync", []);

    /// <summary>Makes everything on this directory's file system durable, others' writes too. syncfs(2).</summary>
    public void SyncFileSystem() => Check(Libc.SyncFileSystem(this), "syncfs", []);

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;

    private Errno TryUnlink(ReadOnlySpan<byte> name, int flags)
    {
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            return Result(Libc.UnlinkAt(this, cName, flags));
        }
    }

    private static Errno Result(int result) => result < 0 ? Libc.LastError : Errno.None;

    private static int Check(int result, string operation, ReadOnlySpan<byte> name) =>
        result < 0 ? throw new LinuxException(operation, name, Libc.LastError) : result;
}

/// <summary>What a rename does when the new name is taken.</summary>
public enum RenameMode
{
    /// <summary>The old bearer of the name is removed; a directory only when it is empty.</summary>
    Replace = 0,

    /// <summary>The rename fails with <see cref="Errno.EEXIST"/>.</summary>
    NoReplace = 1,

    /// <summary>Both swap their names; both must exist.</summary>
    Exchange = 2,
}
