using Mica.Layers;
using Mica.Linux;

namespace Mica.Build;

/// <summary>
/// A layer under construction over the layers below it: a directory that an entry lies in comes before the entry, as it is
/// below, or new. Paths are relative to the root and lead through no link.
/// </summary>
internal sealed class LayerArchive(TarWriter archive, LayerStack? below, UnixTime now, uint newDirectoryUid = 0, uint newDirectoryGid = 0)
{
    private const int NewDirectoryMode = 0x1ed; // 0755

    private readonly HashSet<LinuxPath> _directories = [];

    public TarWriter Archive => archive;

    /// <summary>The directories above the path; those that are not there are made.</summary>
    public void Parents(LinuxPath path)
    {
        int slash = path.Bytes.LastIndexOf((byte)'/');
        if (slash > 0)
        {
            Directory(new LinuxPath(path.Bytes[..slash]));
        }
    }

    /// <summary>A directory as it is below, or a new one; once.</summary>
    public void Directory(LinuxPath path)
    {
        if (path.IsEmpty || _directories.Contains(path))
        {
            return;
        }

        Parents(path);
        _directories.Add(path);
        archive.Write(below?.Find(path) is { Kind: FileKind.Directory } status
            ? Entry(TarEntryKind.Directory, path, status, below.Xattrs(path))
            : new TarEntry
            {
                Kind = TarEntryKind.Directory,
                Path = Slashed(path),
                Mode = NewDirectoryMode,
                Uid = newDirectoryUid,
                Gid = newDirectoryGid,
                ModificationTime = now,
            });
    }

    /// <summary>Whether a directory has its entry: a second source of the same name goes into it.</summary>
    public bool Has(LinuxPath path) => _directories.Contains(path);

    /// <summary>A directory with these attributes, unless it is there below or came already.</summary>
    public void NewDirectory(TarEntry entry, LinuxPath path)
    {
        if (path.IsEmpty || _directories.Contains(path) || below?.Find(path) is { Kind: FileKind.Directory })
        {
            Directory(path);
            return;
        }

        Parents(path);
        _directories.Add(path);
        archive.Write(entry with { Path = Slashed(path) });
    }

    public static TarEntry Entry(TarEntryKind kind, LinuxPath path, FileStatus status, IReadOnlyList<Xattr> xattrs) => new()
    {
        Kind = kind,
        Path = kind == TarEntryKind.Directory ? Slashed(path) : path,
        Mode = (int)status.Mode,
        Uid = status.Uid,
        Gid = status.Gid,
        Size = kind == TarEntryKind.File ? status.Size : 0,
        ModificationTime = new UnixTime(status.Modified.Seconds, (int)status.Modified.Nanoseconds),
        Xattrs = xattrs,
    };

    private static LinuxPath Slashed(LinuxPath path) => new([.. path.Bytes, (byte)'/']);
}
