namespace Mica.Linux;

/// <content>Metadata of the names in the directory, and of the directory itself.</content>
public sealed unsafe partial class DirectoryHandle
{
    private const int MaxXattrSize = 64 << 10;

    /// <summary>This directory's own status.</summary>
    public FileStatus GetStatus()
    {
        byte empty = 0;
        StatxBuffer buffer;
        int flags = Constants.AtEmptyPath | Constants.AtSymlinkNoFollow;
        Check(Libc.Statx(this, &empty, flags, Constants.StatxBasicStats, &buffer), "stat", []);
        return new FileStatus(in buffer);
    }

    /// <summary>The status of <paramref name="name"/>.</summary>
    public FileStatus GetStatus(ReadOnlySpan<byte> name)
    {
        Errno errno = TryGetStatus(name, out FileStatus status);
        return errno == Errno.None ? status : throw new LinuxException("stat", name, errno);
    }

    /// <inheritdoc cref="GetStatus(ReadOnlySpan{byte})"/>
    public Errno TryGetStatus(ReadOnlySpan<byte> name, out FileStatus status)
    {
        StatxBuffer buffer;
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            Errno errno = Result(Libc.Statx(this, cName, Constants.AtSymlinkNoFollow, Constants.StatxBasicStats, &buffer));
            status = errno == Errno.None ? new FileStatus(in buffer) : default;
            return errno;
        }
    }

    /// <summary>What is left on this directory's file system.</summary>
    public FileSystemSpace GetSpace()
    {
        StatfsBuffer buffer;
        Check(Libc.GetFileSystemStatus(this, &buffer), "statfs", []);
        long unit = buffer.FragmentSize != 0 ? buffer.FragmentSize : buffer.BlockSize;
        return new FileSystemSpace(
            (long)buffer.Blocks * unit,
            (long)buffer.BlocksAvailable * unit,
            buffer.Files == 0 ? long.MaxValue : (long)buffer.FilesFree);
    }

    /// <summary>The text of the symbolic link <paramref name="name"/>.</summary>
    public byte[] ReadSymbolicLink(ReadOnlySpan<byte> name)
    {
        byte* target = stackalloc byte[4096];
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            int length = Check((int)Libc.ReadLinkAt(this, cName, target, 4096), "readlink", name);
            return new ReadOnlySpan<byte>(target, length).ToArray();
        }
    }

    /// <summary>Gives <paramref name="name"/> to an owner and group. Clears setuid and setgid of a file.</summary>
    public void SetOwner(ReadOnlySpan<byte> name, uint uid, uint gid)
    {
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            Check(Libc.ChangeOwnerAt(this, cName, uid, gid, Constants.AtSymlinkNoFollow), "chown", name);
        }
    }

    /// <summary>Gives this directory to an owner and group.</summary>
    public void SetOwner(uint uid, uint gid)
    {
        byte empty = 0;
        Check(Libc.ChangeOwnerAt(this, &empty, uid, gid, Constants.AtEmptyPath), "chown", []);
    }

    /// <summary>Sets all twelve bits of the mode of <paramref name="name"/>, which is no symbolic link: <see cref="Errno.EOPNOTSUPP"/>.</summary>
    public void SetMode(ReadOnlySpan<byte> name, uint mode)
    {
        Errno errno = TrySetMode(name, mode);
        if (errno != Errno.None)
        {
            throw new LinuxException("chmod", name, errno);
        }
    }

    /// <inheritdoc cref="SetMode(ReadOnlySpan{byte}, uint)"/>
    public Errno TrySetMode(ReadOnlySpan<byte> name, uint mode)
    {
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            return Result(Libc.ChangeModeAt(this, cName, mode, Constants.AtSymlinkNoFollow));
        }
    }

    /// <summary>Sets all twelve bits of this directory's mode.</summary>
    public void SetMode(uint mode) => Check(Libc.ChangeMode(this, mode), "chmod", []);

    /// <summary>Sets when <paramref name="name"/> was last read and changed; null leaves the time as it is.</summary>
    public void SetTimes(ReadOnlySpan<byte> name, FileTime? accessed, FileTime? modified)
    {
        Timespec* times = stackalloc Timespec[2] { ToTimespec(accessed), ToTimespec(modified) };
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            Check(Libc.ChangeTimesAt(this, cName, times, Constants.AtSymlinkNoFollow), "utimens", name);
        }
    }

    /// <summary>Sets when this directory was last read and changed; null leaves the time as it is.</summary>
    public void SetTimes(FileTime? accessed, FileTime? modified)
    {
        Timespec* times = stackalloc Timespec[2] { ToTimespec(accessed), ToTimespec(modified) };
        Check(Libc.ChangeTimes(this, times), "utimens", []);
    }

    /// <summary>Sets an extended attribute of <paramref name="name"/>, which may be a symbolic link. Needs /proc.</summary>
    public Errno TrySetXattr(ReadOnlySpan<byte> name, ReadOnlySpan<byte> attribute, ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> path = ProcPath(name);
        fixed (byte* cPath = CString.Write(path, stackalloc byte[CString.Size(path)]))
        fixed (byte* cAttribute = CString.Write(attribute, stackalloc byte[CString.Size(attribute)]))
        fixed (byte* bytes = value)
        {
            return Result(Libc.SetXattr(cPath, cAttribute, bytes, (nuint)value.Length, 0));
        }
    }

    /// <summary>Removes an extended attribute of <paramref name="name"/>, which may be a symbolic link. Needs /proc.</summary>
    public Errno TryRemoveXattr(ReadOnlySpan<byte> name, ReadOnlySpan<byte> attribute)
    {
        ReadOnlySpan<byte> path = ProcPath(name);
        fixed (byte* cPath = CString.Write(path, stackalloc byte[CString.Size(path)]))
        fixed (byte* cAttribute = CString.Write(attribute, stackalloc byte[CString.Size(attribute)]))
        {
            return Result(Libc.RemoveXattr(cPath, cAttribute));
        }
    }

    /// <summary>Sets an extended attribute of this directory.</summary>
    public Errno TrySetXattr(ReadOnlySpan<byte> attribute, ReadOnlySpan<byte> value)
    {
        fixed (byte* cAttribute = CString.Write(attribute, stackalloc byte[CString.Size(attribute)]))
        fixed (byte* bytes = value)
        {
            return Result(Libc.SetXattr(this, cAttribute, bytes, (nuint)value.Length, 0));
        }
    }

    /// <summary>Removes an extended attribute of this directory.</summary>
    public Errno TryRemoveXattr(ReadOnlySpan<byte> attribute)
    {
        fixed (byte* cAttribute = CString.Write(attribute, stackalloc byte[CString.Size(attribute)]))
        {
            return Result(Libc.RemoveXattr(this, cAttribute));
        }
    }

    /// <summary>The value of an extended attribute of <paramref name="name"/> (<c>.</c> is this directory); null when it has none. Needs /proc.</summary>
    public byte[]? GetXattr(ReadOnlySpan<byte> name, ReadOnlySpan<byte> attribute)
    {
        ReadOnlySpan<byte> path = ProcPath(name);
        byte[] value = new byte[MaxXattrSize];
        fixed (byte* cPath = CString.Write(path, stackalloc byte[CString.Size(path)]))
        fixed (byte* cAttribute = CString.Write(attribute, stackalloc byte[CString.Size(attribute)]))
        fixed (byte* bytes = value)
        {
            nint length = Libc.GetXattr(cPath, cAttribute, bytes, MaxXattrSize);
            return length >= 0
                ? value[..(int)length]
                : Libc.LastError == Errno.ENODATA ? null : throw new LinuxException("getxattr", name, Libc.LastError);
        }
    }

    /// <summary>
    /// The names of the extended attributes of <paramref name="name"/> (<c>.</c> is this directory), in the file system's order;
    /// none where the file system knows no such thing. Needs /proc.
    /// </summary>
    public IReadOnlyList<byte[]> ListXattrs(ReadOnlySpan<byte> name)
    {
        ReadOnlySpan<byte> path = ProcPath(name);
        byte[] names = new byte[MaxXattrSize];
        fixed (byte* cPath = CString.Write(path, stackalloc byte[CString.Size(path)]))
        fixed (byte* bytes = names)
        {
            nint length = Libc.ListXattrs(cPath, bytes, MaxXattrSize);
            if (length < 0)
            {
                return Libc.LastError == Errno.EOPNOTSUPP ? [] : throw new LinuxException("listxattr", name, Libc.LastError);
            }

            var result = new List<byte[]>();
            ReadOnlySpan<byte> rest = names.AsSpan(0, (int)length);
            for (int end; (end = rest.IndexOf((byte)0)) >= 0; rest = rest[(end + 1)..])
            {
                result.Add(rest[..end].ToArray());
            }

            return result;
        }
    }

    internal static Timespec ToTimespec(FileTime? time) => time is { } known
        ? new Timespec { Seconds = known.Seconds, Nanoseconds = known.Nanoseconds }
        : new Timespec { Nanoseconds = Constants.TimeOmit };

    /// <summary>There are no xattr calls relative to a directory before Linux 6.13; the magic link of the descriptor serves.</summary>
    private byte[] ProcPath(ReadOnlySpan<byte> name) => [.. CString.Bytes($"/proc/self/fd/{handle}/"), .. name];
}
