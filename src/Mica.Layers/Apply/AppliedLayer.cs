using System.Collections.Immutable;

namespace Mica.Layers;

/// <summary>What became of a layer's archive.</summary>
public sealed record AppliedLayer
{
    /// <summary>Sum of the sizes of the regular files as they are now, each once however many names it has.</summary>
    public required long ContentBytes { get; init; }

    /// <summary>Entries of the archive, whiteouts and replaced ones included.</summary>
    public required long Entries { get; init; }

    /// <summary>
    /// Directories that paths of the archive go through but that it has no entry for; a path is relative and the empty one is
    /// the layer's root. They were made with mode 0755, this process's owner and the time of the entry that needed them. In a
    /// merged view they hide the owner, mode and attributes of a lower layer's directory of the same name, which the archive
    /// did not mean.
    /// </summary>
    public required ImmutableArray<LinuxPath> ImpliedDirectories { get; init; }

    /// <summary>The layer says of its root that nothing of any lower layer shows. overlayfs does not look at the root: leave those layers out.</summary>
    public required bool HidesLowerLayers { get; init; }

    /// <summary>What could not be done and is no failure, such as device nodes without the privilege; one line each.</summary>
    public required ImmutableArray<string> Notices { get; init; }
}
