namespace Mica.Layers;

/// <summary>Which extended attributes tell overlayfs what a layer hides.</summary>
public enum WhiteoutForm
{
    /// <summary><c>trusted.overlay.*</c>: needs CAP_SYS_ADMIN in the first user namespace, to write and to see them.</summary>
    Trusted,

    /// <summary><c>user.overlay.*</c>, for overlays mounted with <c>userxattr</c> in a user namespace.</summary>
    User,
}

/// <summary>How a layer becomes a directory.</summary>
public sealed record LayerApplyOptions
{
    /// <summary>The form of opaque directories. A whiteout is the character device 0:0 in either.</summary>
    public required WhiteoutForm WhiteoutForm { get; init; }

    /// <summary>
    /// Give files to the users and groups that the layer names. Without it, as for a user who may not, everything belongs to
    /// this process's user and group.
    /// </summary>
    public required bool PreserveOwnership { get; init; }

    /// <summary>
    /// Most bytes that the archive may have when uncompressed, and that the sizes of its files may add up to (of sparse files
    /// the sizes are larger than what the archive holds). Default 64 GiB.
    /// </summary>
    public long MaxUnpackedBytes { get; init; } = 64L << 30;

    /// <summary>Most entries, with the directories that they imply. Default ten million.</summary>
    public long MaxEntries { get; init; } = 10_000_000;
}
