using Mica.Layers;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>What a push takes.</summary>
public sealed record PushOptions
{
    /// <summary>Of an index only the manifest for this platform.</summary>
    public Platform? Platform { get; init; }

    /// <summary>
    /// The compression of the layers at the registry; null keeps the blobs as they are. A layer compressed otherwise is
    /// compressed anew, which gives it, and so the manifest, another digest.
    /// </summary>
    public LayerCompression? Compression { get; init; }
}

/// <summary>What a push did.</summary>
/// <param name="Reference">The name at the registry.</param>
/// <param name="Root">The manifest or index that the name now stands for there.</param>
public sealed record PushResult(ImageReference Reference, Descriptor Root);
