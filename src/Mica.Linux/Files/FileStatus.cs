namespace Mica.Linux;

/// <summary>What a directory entry is, with the values of <c>d_type</c> in <c>getdents64(2)</c>.</summary>
public enum FileKind
{
    /// <summary>Not told by the file system; ask for the status.</summary>
    Unknown = 0,

    /// <summary>A named pipe.</summary>
    Fifo = 1,

    /// <summary>A character device.</summary>
    CharacterDevice = 2,

    /// <summary>A directory.</summary>
    Directory = 4,

    /// <summary>A block device.</summary>
    BlockDevice = 6,

    /// <summary>A regular file.</summary>
    File = 8,

    /// <summary>A symbolic link.</summary>
    SymbolicLink = 10,

    /// <summary>A Unix socket.</summary>
    Socket = 12,
}

/// <summary>
/// A point in time as file systems keep it: <paramref name="Seconds"/> since 1970, negative before, and
/// <paramref name="Nanoseconds"/> (0 to 999,999,999) after that second.
/// </summary>
public readonly record struct FileTime(long Seconds, long Nanoseconds);

/// <summary>The inode's metadata. statx(2).</summary>
public readonly record struct FileStatus
{
    internal FileStatus(in StatxBuffer buffer)
    {
        Kind = (FileKind)(buffer.Mode >> 12);
        Mode = buffer.Mode & 0xfffu;
        Uid = buffer.Uid;
        Gid = buffer.Gid;
        Size = (long)buffer.Size;
        AllocatedBytes = (long)buffer.Blocks * 512;
        LinkCount = buffer.LinkCount;
        Modified = new FileTime(buffer.ModificationSeconds, buffer.ModificationNanoseconds);
        Changed = new FileTime(buffer.ChangeSeconds, buffer.ChangeNanoseconds);
        Identity = new FileIdentity(buffer.DeviceMajor, buffer.DeviceMinor, buffer.Inode);
        NodeMajor = buffer.NodeMajor;
        NodeMinor = buffer.NodeMinor;
    }

    /// <summary>What it is.</summary>
    public FileKind Kind { get; }

    /// <summary>The permission bits with setuid, setgid and sticky: 0 to 07777.</summary>
    public uint Mode { get; }

    /// <summary>Owner.</summary>
    public uint Uid { get; }

    /// <summary>Group.</summary>
    public uint Gid { get; }

    /// <summary>In bytes.</summary>
    public long Size { get; }

    /// <summary>What it takes of the disk, in bytes.</summary>
    public long AllocatedBytes { get; }

    /// <summary>Names that the inode has.</summary>
    public uint LinkCount { get; }

    /// <summary>Last change of the content.</summary>
    public FileTime Modified { get; }

    /// <summary>Last change of the inode.</summary>
    public FileTime Changed { get; }

    /// <summary>Which inode it is.</summary>
    public FileIdentity Identity { get; }

    /// <summary>Of a device node: the device's major number.</summary>
    public uint NodeMajor { get; }

    /// <summary>Of a device node: the device's minor number.</summary>
    public uint NodeMinor { get; }

    /// <summary>A character device 0:0, which overlayfs takes for "what lies below is deleted".</summary>
    public bool IsWhiteout => Kind == FileKind.CharacterDevice && NodeMajor == 0 && NodeMinor == 0;
}

/// <summary>An inode, on this machine and while it exists.</summary>
public readonly record struct FileIdentity(uint DeviceMajor, uint DeviceMinor, ulong Inode)
{
    /// <summary>Whether both are on one file system.</summary>
    public bool IsOnDeviceOf(FileIdentity other) => DeviceMajor == other.DeviceMajor && DeviceMinor == other.DeviceMinor;
}
