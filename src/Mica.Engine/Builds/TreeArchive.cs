using Mica.Layers;
using Mica.Linux;
using Microsoft.Win32.SafeHandles;

namespace Mica.Engine;

/// <summary>
/// Writes the tree of a stack of layers into a tar, below <paramref name="prefix"/>. A user who is not root owns all files of
/// the store, whoever owns them in the image; in the tar they are root's then.
/// </summary>
internal sealed class TreeArchive(LayerStack stack, TarWriter archive, string prefix)
{
    private readonly Dictionary<FileIdentity, LinuxPath> _links = [];
    private readonly uint? _ownUser = LinuxUser.EffectiveUserId == 0 ? null : LinuxUser.EffectiveUserId;
    private readonly uint _ownGroup = LinuxUser.EffectiveGroupId;
    private LinuxPath _start;

    /// <summary>What is in the directory <paramref name="start"/>, as if it were the root.</summary>
    public void Run(LinuxPath start, CancellationToken cancellationToken)
    {
        _start = start;
        if (prefix.Length > 0)
        {
            archive.Write(new TarEntry { Kind = TarEntryKind.Directory, Path = TarEntry.AsDirectory(new LinuxPath(prefix)), Mode = 0x1ed });
        }

        Walk(start, cancellationToken);
    }

    private void Walk(LinuxPath directory, CancellationToken cancellationToken)
    {
        foreach (byte[] name in stack.List(directory))
        {
            cancellationToken.ThrowIfCancellationRequested();
            LinuxPath path = directory.Append(name);
            if (stack.Find(path) is not { } status)
            {
                continue;
            }

            Write(path, status);
            if (status.Kind == FileKind.Directory)
            {
                Walk(path, cancellationToken);
            }
        }
    }

    private void Write(LinuxPath path, FileStatus status)
    {
        LinuxPath shown = new LinuxPath(prefix).Append(path.Bytes[(_start.IsEmpty ? 0 : _start.Bytes.Length + 1)..]);
        if (TarEntry.Of(status, shown, stack.Xattrs(path)) is not { } entry)
        {
            // A socket, which no tar can hold.
            return;
        }

        entry = entry with
        {
            LinkTarget = entry.Kind == TarEntryKind.SymbolicLink ? new LinuxPath(stack.ReadSymbolicLink(path)) : default,
            Uid = status.Uid == _ownUser ? 0 : status.Uid,
            Gid = _ownUser is not null && status.Gid == _ownGroup ? 0 : status.Gid,
        };
        if (entry.Kind == TarEntryKind.File && status.LinkCount > 1 && !_links.TryAdd(status.Identity, shown))
        {
            archive.Write(entry with { Kind = TarEntryKind.HardLink, LinkTarget = _links[status.Identity], Size = 0, Xattrs = [] });
            return;
        }

        if (entry.Kind != TarEntryKind.File)
        {
            archive.Write(entry);
            return;
        }

        using SafeFileHandle file = stack.OpenFile(path);
        using var content = new FileStream(file, FileAccess.Read, bufferSize: 0);
        archive.Write(entry, content);
    }
}
