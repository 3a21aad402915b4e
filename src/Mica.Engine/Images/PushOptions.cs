using Mica.Layers;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>What a push takes.</summary>
public sealed record PushOptions
{
    /// <summary>Of an index only the manifest for this platform.</summary>
    public Platform? Platform { get; init; }

    /// <summary>
    /// The compression of the layers at the registry. A layer compressed otherwise is compressed anew, which gives it, and so
    /// the manifest, another digest. Null keeps what came from a registry as it is; layers of images that were built or loaded
    /// here and are not compressed are compressed with gzip.
    /// </summary>
    public LayerCompression? Compression { get; init; }

    /// <summary>Nothing is compressed: the manifest keeps its digest.</summary>
    public bool KeepsLayers { get; init; }
}

/// <summary>What a push did.</summary>
/// <param name="Reference">The name at the registry.</param>
/// <param name="Root">The manifest or index that the name now stands for there.</param>
public sealed record PushResult(ImageReference Reference, Descriptor Root);
