using Mica.Linux;
using Mica.Oci;

namespace Mica.Layers;

/// <summary>
/// Turns one layer's archive into a directory that overlayfs takes as a layer, by itself: no lower layer is looked at.
/// <para>
/// Entries are applied in their order and the last of a name wins. A directory over a directory keeps what is in it and takes
/// the new metadata; anything else over anything else replaces it, a directory with all that is in it. Whiteouts and opaque
/// markers hide lower layers only, wherever in the archive they are: a file that has both an entry and a whiteout is there,
/// and a directory that has both, or that replaces something, is opaque. A hard link's target must be in the archive before
/// it. Metadata in a hard link's own header is ignored: it is its target's.
/// </para>
/// <para>
/// Nothing outside the directory is read, changed or created, whatever the archive holds. A failure leaves the directory
/// half-filled; nothing in it is durable before its file system is synced. image-spec layer.md.
/// </para>
/// </summary>
public static class LayerApplier
{
    /// <summary>
    /// Applies what is left of <paramref name="archive"/> to <paramref name="target"/>, an empty directory, which stays the
    /// caller's.
    /// </summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.ContentMismatch"/>: the archive is malformed or means harm; <see cref="ErrorKind.PermissionDenied"/>
    /// or <see cref="ErrorKind.Failed"/>: the file system refused something. The message names the entry.
    /// <see cref="ErrorKind.Conflict"/>: the directory is not empty.
    /// </exception>
    public static AppliedLayer Apply(
        TarReader archive, DirectoryHandle target, LayerApplyOptions options, CancellationToken cancellationToken)
    {
        using (var names = new DirectoryReader(target))
        {
            if (names.TryRead(out _, out _))
            {
                throw new MicaException(ErrorKind.Conflict, "the directory for the layer is not empty");
            }
        }

        using var application = new LayerApplication(target.OpenDirectory("."u8), options);
        return application.Run(archive, cancellationToken);
    }

    /// <summary>
    /// Applies an archive to a directory in which something is already: what has the same path is replaced, directories are
    /// filled. No link that is there is followed.
    /// </summary>
    /// <exception cref="MicaException">As for <see cref="Apply"/>.</exception>
    public static AppliedLayer ApplyOver(
        TarReader archive, DirectoryHandle target, LayerApplyOptions options, CancellationToken cancellationToken)
    {
        FileStatus before = target.GetStatus();
        AppliedLayer applied;
        using (var application = new LayerApplication(target.OpenDirectory("."u8), options))
        {
            applied = application.Run(archive, cancellationToken);
        }

        // The directory itself is not the archive's.
        if (target.GetStatus() is var after && (after.Mode, after.Uid, after.Gid) != (before.Mode, before.Uid, before.Gid))
        {
            target.SetOwner(before.Uid, before.Gid);
            target.SetMode(before.Mode);
        }

        return applied;
    }
}
