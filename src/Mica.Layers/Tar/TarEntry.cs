using Mica.Linux;

namespace Mica.Layers;

/// <summary>What a tar entry makes.</summary>
public enum TarEntryKind
{
    /// <summary>A regular file with content.</summary>
    File,

    /// <summary>Another name for the file that <see cref="TarEntry.LinkTarget"/> names within the archive's tree.</summary>
    HardLink,

    /// <summary>A symbolic link with the text <see cref="TarEntry.LinkTarget"/>.</summary>
    SymbolicLink,

    /// <summary>A character device.</summary>
    CharacterDevice,

    /// <summary>A block device.</summary>
    BlockDevice,

    /// <summary>A directory, new or already there.</summary>
    Directory,

    /// <summary>A named pipe.</summary>
    Fifo,
}

/// <summary>
/// The metadata of one member of a tar archive, with every extension applied: what a reader found, or what a writer is to
/// write. Paths are as the archive has them (<c>./a</c>, <c>a/</c>, <c>../a</c>): nothing about them is safe.
/// </summary>
public sealed record TarEntry
{
    /// <summary>The largest user or group id: the one above it means "leave as it is" to the kernel.</summary>
    public const uint MaxId = uint.MaxValue - 1;

    /// <summary>What the entry makes.</summary>
    public required TarEntryKind Kind { get; init; }

    /// <summary>1 to 4096 bytes without NUL.</summary>
    public required LinuxPath Path { get; init; }

    /// <summary>Where a link goes; empty for what is no link.</summary>
    public LinuxPath LinkTarget { get; init; }

    /// <summary>Permission bits with setuid, setgid and sticky: 0 to 07777.</summary>
    public int Mode { get; init; }

    /// <summary>Owner, at most <see cref="MaxId"/>.</summary>
    public uint Uid { get; init; }

    /// <summary>Group, at most <see cref="MaxId"/>.</summary>
    public uint Gid { get; init; }

    /// <summary>Bytes of a file's content, holes included; 0 for what is no file.</summary>
    public long Size { get; init; }

    /// <summary>Last change of the content.</summary>
    public UnixTime ModificationTime { get; init; }

    /// <summary>Last read; most archives do not say.</summary>
    public UnixTime? AccessTime { get; init; }

    /// <summary>Last change of the inode; nothing can set it.</summary>
    public UnixTime? ChangeTime { get; init; }

    /// <summary>Of a device: 0 to 4095.</summary>
    public int DeviceMajor { get; init; }

    /// <summary>Of a device: 0 to 1048575.</summary>
    public int DeviceMinor { get; init; }

    /// <summary>Extended attributes, every name once, in the order of the archive.</summary>
    public IReadOnlyList<Xattr> Xattrs { get; init; } = [];

    /// <summary>
    /// Where a sparse file has data, in order and without overlap; everything else up to <see cref="Size"/> is a hole. Null when
    /// the file is not sparse.
    /// </summary>
    public IReadOnlyList<SparseSegment>? Segments { get; init; }

    /// <summary>
    /// The entry of a file that is on a disk; a directory's path gets its slash. Of a link the target is still to be set. Null
    /// for what no tar can hold: a socket.
    /// </summary>
    public static TarEntry? Of(FileStatus status, LinuxPath path, IReadOnlyList<Xattr> xattrs)
    {
        TarEntryKind? kind = status.Kind switch
        {
            FileKind.Directory => TarEntryKind.Directory,
            FileKind.File => TarEntryKind.File,
            FileKind.SymbolicLink => TarEntryKind.SymbolicLink,
            FileKind.Fifo => TarEntryKind.Fifo,
            FileKind.CharacterDevice => TarEntryKind.CharacterDevice,
            FileKind.BlockDevice => TarEntryKind.BlockDevice,
            _ => null,
        };
        bool isDevice = kind is TarEntryKind.CharacterDevice or TarEntryKind.BlockDevice;
        return kind is null ? null : new TarEntry
        {
            Kind = kind.Value,
            Path = kind == TarEntryKind.Directory ? AsDirectory(path) : path,
            Mode = (int)status.Mode,
            Uid = status.Uid,
            Gid = status.Gid,
            Size = kind == TarEntryKind.File ? status.Size : 0,
            ModificationTime = new UnixTime(status.Modified.Seconds, (int)status.Modified.Nanoseconds),
            DeviceMajor = isDevice ? (int)status.NodeMajor : 0,
            DeviceMinor = isDevice ? (int)status.NodeMinor : 0,
            Xattrs = xattrs,
        };
    }

    /// <summary>The path as archives write it for a directory.</summary>
    public static LinuxPath AsDirectory(LinuxPath path) => new([.. path.Bytes, (byte)'/']);
}

/// <summary>An extended attribute: a full name such as <c>security.capability</c>, and bytes.</summary>
public sealed record Xattr(string Name, byte[] Value);

/// <summary><paramref name="Length"/> bytes of data at <paramref name="Offset"/> of a sparse file.</summary>
public readonly record struct SparseSegment(long Offset, long Length);
