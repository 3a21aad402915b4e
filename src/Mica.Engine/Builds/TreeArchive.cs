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

    public void Run(CancellationToken cancellationToken)
    {
        if (prefix.Length > 0)
        {
            archive.Write(new TarEntry { Kind = TarEntryKind.Directory, Path = new LinuxPath(prefix + "/"), Mode = 0x1ed });
        }

        Walk(default, cancellationToken);
    }

    private void Walk(LinuxPath directory, CancellationToken cancellationToken)
    {
        foreach (byte[] name in stack.List(directory))
        {
            cancellationToken.ThrowIfCancellationRequested();
            LinuxPath path = TreePath.Join(directory, name);
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
        if (kind is null)
        {
            // A socket, which no tar can hold.
            return;
        }

        LinuxPath shown = TreePath.Join(new LinuxPath(prefix), path.Bytes);
        var entry = new TarEntry
        {
            Kind = kind.Value,
            Path = kind == TarEntryKind.Directory ? new LinuxPath([.. shown.Bytes, (byte)'/']) : shown,
            LinkTarget = kind == TarEntryKind.SymbolicLink ? new LinuxPath(stack.ReadSymbolicLink(path)) : default,
            Mode = (int)status.Mode,
            Uid = status.Uid == _ownUser ? 0 : status.Uid,
            Gid = _ownUser is not null && status.Gid == _ownGroup ? 0 : status.Gid,
            Size = kind == TarEntryKind.File ? status.Size : 0,
            ModificationTime = new UnixTime(status.Modified.Seconds, (int)status.Modified.Nanoseconds),
            DeviceMajor = kind is TarEntryKind.CharacterDevice or TarEntryKind.BlockDevice ? (int)status.NodeMajor : 0,
            DeviceMinor = kind is TarEntryKind.CharacterDevice or TarEntryKind.BlockDevice ? (int)status.NodeMinor : 0,
            Xattrs = stack.Xattrs(path),
        };
        if (kind == TarEntryKind.File && status.LinkCount > 1 && !_links.TryAdd(status.Identity, shown))
        {
            archive.Write(entry with { Kind = TarEntryKind.HardLink, LinkTarget = _links[status.Identity], Size = 0, Xattrs = [] });
            return;
        }

        if (kind != TarEntryKind.File)
        {
            archive.Write(entry);
            return;
        }

        using SafeFileHandle file = stack.OpenFile(path);
        using var content = new FileStream(file, FileAccess.Read, bufferSize: 0);
        archive.Write(entry, content);
    }
}

/// <summary>Paths below a root.</summary>
internal static class TreePath
{
    public static LinuxPath Join(LinuxPath directory, ReadOnlySpan<byte> name) =>
        directory.IsEmpty ? new LinuxPath(name) : new LinuxPath([.. directory.Bytes, (byte)'/', .. name]);
}
