using Mica.Oci;

namespace Mica.Engine;

/// <summary>What a pull takes.</summary>
public sealed record PullOptions
{
    /// <summary>The platform wanted; null for the engine's, and then an image without an index is taken whatever it runs on.</summary>
    public Platform? Platform { get; init; }

    /// <summary>Every platform of an index.</summary>
    public bool AllPlatforms { get; init; }
}

/// <summary>What a pull did.</summary>
/// <param name="Reference">The name that was pulled, with its tag or digest.</param>
/// <param name="Root">What the name resolved to.</param>
/// <param name="Changed">The name stands for something else than before, or content was missing.</param>
public sealed record PullResult(ImageReference Reference, Descriptor Root, bool Changed);
