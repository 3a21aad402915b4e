using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Build;

/// <summary>How much a provenance tells.</summary>
public enum ProvenanceMode
{
    /// <summary>What was built of what: neither the values of arguments nor the Dockerfile's text.</summary>
    Min,

    /// <summary>Besides, the arguments, the Dockerfile and its instructions.</summary>
    Max,
}

/// <summary>That a build shall tell how it was done.</summary>
public sealed record ProvenanceOptions
{
    /// <summary>How much.</summary>
    public ProvenanceMode Mode { get; init; } = ProvenanceMode.Max;

    /// <summary>Who builds, as a URI.</summary>
    public string BuilderId { get; init; } = "urn:mica:build";

    /// <summary>The file it is beside the files of the image, when those are the result.</summary>
    public string FileName { get; init; } = "provenance.json";
}

/// <summary>What a provenance tells of a build besides the build's options.</summary>
public sealed record BuildInvocation
{
    /// <summary>Where the context came from, without what may be secret in it; null for files of this machine.</summary>
    public string? ContextUri { get; init; }

    /// <summary>The commit of a git context.</summary>
    public string? Commit { get; init; }

    /// <summary>The Dockerfile, as a path in the context or a name.</summary>
    public string DockerfilePath { get; init; } = "Dockerfile";

    /// <summary>The names that will stand for the image.</summary>
    public ImmutableArray<ImageReference> Names { get; init; } = [];

    /// <summary>The version of mica.</summary>
    public string Version { get; init; } = "";

    /// <summary>What tells this build from all others.</summary>
    public string Id { get; init; } = "";

    /// <summary>What the builder runs on.</summary>
    public Platform Platform { get; init; } = Platform.Current;
}

/// <summary>The provenance of one image, in the store.</summary>
/// <param name="Manifest">Its manifest, as it stands in the index beside the image's.</param>
/// <param name="Statement">The in-toto statement.</param>
/// <param name="Predicate">The provenance in it.</param>
public sealed record BuiltProvenance(Descriptor Manifest, ReadOnlyMemory<byte> Statement, ReadOnlyMemory<byte> Predicate);
