using System.Collections.Immutable;

namespace Mica.RegistryServer;

/// <summary>What came of reading everything again.</summary>
public sealed record ScrubReport
{
    /// <summary>Blobs that were read.</summary>
    public long Blobs { get; init; }

    /// <summary>Their bytes.</summary>
    public long Bytes { get; init; }

    /// <summary>Manifests that were read.</summary>
    public long Manifests { get; init; }

    /// <summary>What is not what it was, one line each; none of it is served until it is pushed again.</summary>
    public ImmutableArray<string> Damaged { get; init; } = [];

    /// <summary>Bytes that nothing led to, and that were removed: how many blobs' worth.</summary>
    public long Orphans { get; init; }
}
