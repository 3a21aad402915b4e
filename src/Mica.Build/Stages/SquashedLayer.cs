using Mica.Layers;
using Mica.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mica.Build;

/// <summary>
/// Writes what several layers make together as one layer over those below them: what they delete there becomes whiteouts, what
/// they made anew opaque directories. Image-spec v1.1, layer.md, "Representing Changes".
/// </summary>
internal sealed class SquashedLayer(LayerStack added, LayerStack below, TarWriter archive, CancellationToken cancellationToken)
{
    private readonly Dictionary<FileIdentity, LinuxPath> _links = [];

    /// <param name="hidesAll">One of the layers hides everything below it.</param>
    public void Write(bool hidesAll)
    {
        if (added.Find(default) is { } root && below.Find(default) is { } was && (root.Mode, root.Uid, root.Gid) != (was.Mode, was.Uid, was.Gid))
        {
            archive.Write(TarEntry.Of(root, new LinuxPath("."), added.Xattrs(default))!);
        }

        if (hidesAll)
        {
            Mark(default, ".wh..wh..opq"u8);
        }

        Directory(default, isOverBelow: !hidesAll);
    }

    /// <param name="path">The directory, whose own entry is written.</param>
    /// <param name="isOverBelow">There is a directory below that shows through.</param>
    private void Directory(LinuxPath path, bool isOverBelow)
    {
        foreach (byte[] name in isOverBelow ? added.ListDeleted(path) : [])
        {
            if (below.Find(path.Append(name)) is not null)
            {
                Mark(path, [.. ".wh."u8, .. name]);
            }
        }

        foreach (byte[] name in added.List(path))
        {
            cancellationToken.ThrowIfCancellationRequested();
            LinuxPath child = path.Append(name);
            if (added.Find(child) is not { } status)
            {
                continue;
            }

            if (status.Kind != FileKind.Directory)
            {
                Leaf(child, status);
                continue;
            }

            archive.Write(TarEntry.Of(status, child, added.Xattrs(child))!);
            bool isBelow = isOverBelow && below.Find(child) is { Kind: FileKind.Directory };
            bool isOpaque = isBelow && added.HidesBelow(child);
            if (isOpaque)
            {
                Mark(child, ".wh..wh..opq"u8);
            }

            Directory(child, isBelow && !isOpaque);
        }
    }

    private void Leaf(LinuxPath path, FileStatus status)
    {
        if (TarEntry.Of(status, path, added.Xattrs(path)) is not { } entry)
        {
            // A socket, which no layer holds.
            return;
        }

        if (status.LinkCount > 1 && !_links.TryAdd(status.Identity, path))
        {
            archive.Write(entry with { Kind = TarEntryKind.HardLink, LinkTarget = _links[status.Identity], Size = 0, DeviceMajor = 0, DeviceMinor = 0, Xattrs = [] });
            return;
        }

        switch (entry.Kind)
        {
            case TarEntryKind.SymbolicLink:
                archive.Write(entry with { LinkTarget = new LinuxPath(added.ReadSymbolicLink(path)) });
                break;
            case TarEntryKind.File:
                using (SafeFileHandle file = added.OpenFile(path))
                {
                    using var content = new FileStream(file, FileAccess.Read, bufferSize: 0);
                    archive.Write(entry, content);
                }

                break;
            default:
                archive.Write(entry);
                break;
        }
    }

    /// <summary>An empty file of the first second of 1970: the layer depends on nothing but those that it stands for.</summary>
    private void Mark(LinuxPath directory, ReadOnlySpan<byte> name) =>
        archive.Write(new TarEntry { Kind = TarEntryKind.File, Path = directory.Append(name) });
}
