using System.Collections.Immutable;
using Mica.Oci;
using Mica.Store;

namespace Mica.Build;

/// <summary>What a build made; in the store, held by the build's lease.</summary>
/// <param name="Manifest">The image's manifest.</param>
/// <param name="Config">The image's config; its digest is the image's ID.</param>
/// <param name="Layers">The diffIDs, base layer first.</param>
/// <param name="Executed">Steps that were executed.</param>
/// <param name="Cached">Steps whose result was there.</param>
public sealed record BuildResult(Descriptor Manifest, Descriptor Config, ImmutableArray<Digest> Layers, int Executed, int Cached)
{
    /// <summary>The results of the steps that led to the image, in their order.</summary>
    public ImmutableArray<BuildRecord> Results { get; init; } = [];

    /// <summary>The results of all steps, those of other stages too.</summary>
    public ImmutableArray<BuildRecord> AllResults { get; init; } = [];

    /// <summary>How it was made; null when that was not asked for.</summary>
    public BuiltProvenance? Provenance { get; init; }
}

/// <summary>Brings the images that a build begins with.</summary>
public interface IBaseImages
{
    /// <summary>The documents of the image of a name for a platform, held by the build's lease; and whether its layers are here too.</summary>
    /// <param name="reference">The name.</param>
    /// <param name="platform">What it is for.</param>
    /// <param name="pull">Ask the registry even if it is here.</param>
    /// <param name="progress">Is told what moves.</param>
    /// <param name="cancellationToken">Stops.</param>
    Task<(Image Image, bool IsComplete)> OpenAsync(
        ImageReference reference, Platform platform, bool pull, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken);

    /// <summary>Brings the layers of an image that was opened: unpacked in the store, and held by the build's lease.</summary>
    /// <param name="reference">The name that it was opened by.</param>
    /// <param name="platform">What it is for.</param>
    /// <param name="progress">Is told what moves.</param>
    /// <param name="cancellationToken">Stops.</param>
    Task FetchAsync(ImageReference reference, Platform platform, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken);
}
