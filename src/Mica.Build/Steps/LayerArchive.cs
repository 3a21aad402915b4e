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
    public void Parents(LinuxPath path) => Directory(path.Parent);

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
            ? TarEntry.Of(status, path, below.Xattrs(path))!
            : new TarEntry
            {
                Kind = TarEntryKind.Directory,
                Path = TarEntry.AsDirectory(path),
                Mode = NewDirectoryMode,
                Uid = newDirectoryUid,
                Gid = newDirectoryGid,
                ModificationTime = now,
            });
    }

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
        archive.Write(entry with { Path = TarEntry.AsDirectory(path) });
    }
}
