using System.Collections.Immutable;
using Mica.Layers;
using Mica.Linux;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Engine;

/// <summary>What a container did to a path.</summary>
public enum ChangeKind
{
    /// <summary>It is new.</summary>
    Added,

    /// <summary>It, or something in it, is not as it was.</summary>
    Changed,

    /// <summary>It is gone.</summary>
    Deleted,
}

/// <summary>A path that a container changed.</summary>
/// <param name="Kind">How.</param>
/// <param name="Path">Beginning with <c>/</c>.</param>
public sealed record FileChange(ChangeKind Kind, string Path);

/// <summary>What a container changed of its image's files: its upper directory, held against the layers below it.</summary>
internal sealed class ContainerChanges(ContainerFiles files, ImmutableArray<string> trees)
{
    private readonly List<FileChange> _changes = [];

    public ImmutableArray<FileChange> List(CancellationToken cancellationToken)
    {
        using LayerStack below = new([files.Init, .. trees], LayerWorkspace.WhiteoutForm);
        using DirectoryHandle upper = DirectoryHandle.Open(files.Upper);
        Walk(upper, default, below, isNew: false, cancellationToken);
        return [.. _changes.OrderBy(change => change.Path, StringComparer.Ordinal)];
    }

    private bool Walk(DirectoryHandle directory, LinuxPath path, LayerStack below, bool isNew, CancellationToken cancellationToken)
    {
        bool any = false;
        List<byte[]> names = [];
        using (DirectoryReader reader = new(directory))
        {
            while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
            {
                names.Add(name.ToArray());
            }
        }

        foreach (byte[] name in names)
        {
            cancellationToken.ThrowIfCancellationRequested();
            LinuxPath here = path.Append(name);
            if (directory.TryGetStatus(name, out FileStatus status) != Errno.None)
            {
                continue; // a container that runs has removed it
            }

            FileStatus? before = isNew ? null : below.Find(here);
            if (status.IsWhiteout)
            {
                any |= before is not null;
                Add(before is null ? null : ChangeKind.Deleted, here);
            }
            else if (status.Kind == FileKind.Directory)
            {
                any |= WalkDirectory(directory, name, here, status, before, below, cancellationToken);
            }
            else
            {
                any = true;
                Add(before is null ? ChangeKind.Added : ChangeKind.Changed, here);
            }
        }

        return any;
    }

    private bool WalkDirectory(
        DirectoryHandle parent, byte[] name, LinuxPath path, FileStatus status, FileStatus? before, LayerStack below, CancellationToken cancellationToken)
    {
        if (parent.TryOpenDirectory(name, out DirectoryHandle? inner) != Errno.None)
        {
            return false;
        }

        using (inner)
        {
            bool wasDirectory = before is { Kind: FileKind.Directory };
            byte[] opaque = LayerWorkspace.WhiteoutForm == WhiteoutForm.Trusted ? [.. "trusted.overlay.opaque"u8] : [.. "user.overlay.opaque"u8];
            bool isOpaque = wasDirectory && inner!.GetXattr("."u8, opaque) is [(byte)'y'];
            bool hasChanges = Walk(inner!, path, below, isNew: !wasDirectory, cancellationToken);
            foreach (byte[] gone in isOpaque ? below.List(path) : [])
            {
                if (inner!.TryGetStatus(gone, out _) != Errno.None)
                {
                    hasChanges = true;
                    Add(ChangeKind.Deleted, path.Append(gone));
                }
            }

            // overlayfs copies directories for what is changed in them; by itself that is no change.
            bool isSame = before is { } old && wasDirectory && !hasChanges && !isOpaque && old.Mode == status.Mode && old.Uid == status.Uid && old.Gid == status.Gid
                && old.Modified == status.Modified;
            Add(before is null ? ChangeKind.Added : isSame ? null : ChangeKind.Changed, path);
            return before is null || !isSame;
        }
    }

    private void Add(ChangeKind? kind, LinuxPath path)
    {
        if (kind is { } known)
        {
            _changes.Add(new FileChange(known, "/" + path));
        }
    }
}
