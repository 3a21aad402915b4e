using System.Collections.Immutable;
using Mica.Linux;

namespace Mica.Layers;

/// <summary>How the upper directory of an overlay becomes a layer.</summary>
public sealed record LayerDiffOptions
{
    /// <summary>The form of opaque directories in the overlay.</summary>
    public required WhiteoutForm WhiteoutForm { get; init; }

    /// <summary>The directory stays an upper directory, so nothing in it is changed.</summary>
    public bool IsInUse { get; init; }

    /// <summary>
    /// What the layers below have at a path (the empty one is the root), null for nothing. A directory that is as it was, and
    /// stands in the upper directory only because overlayfs copied it up, is left out then.
    /// </summary>
    public required Func<LinuxPath, FileStatus?> Lower { get; init; }

    /// <summary>No file is newer: later times are set back to this one, in the archive and in the directory (SOURCE_DATE_EPOCH).</summary>
    public FileTime? Latest { get; init; }
}

/// <summary>What an upper directory held.</summary>
/// <param name="Entries">Entries written, whiteouts included. 0: nothing was changed.</param>
/// <param name="ContentBytes">Sum of the sizes of the regular files, each once.</param>
/// <param name="Notices">What a layer cannot hold and was left out, one line each.</param>
public sealed record LayerDiff(long Entries, long ContentBytes, ImmutableArray<string> Notices);
