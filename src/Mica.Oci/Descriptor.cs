using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Mica.Oci;

/// <summary>
/// A typed, sized pointer to content. The only thing one needs to fetch and verify it. Compare descriptors by
/// <see cref="Digest"/>: record equality does not look inside the collections. OCI image-spec v1.1, descriptor.md.
/// </summary>
public sealed record Descriptor
{
    /// <summary>Media type of the content (RFC 6838).</summary>
    [JsonPropertyName("mediaType")]
    public required string MediaType { get; init; }

    /// <summary>Digest of exactly <see cref="Size"/> bytes.</summary>
    [JsonPropertyName("digest")]
    public required Digest Digest { get; init; }

    /// <summary>Bytes; never negative.</summary>
    [JsonPropertyName("size")]
    public required long Size { get; init; }

    /// <summary>Where else the content may be fetched from (non-distributable layers).</summary>
    [JsonPropertyName("urls")]
    public ImmutableArray<string>? Urls { get; init; }

    /// <summary>Free-form text; keys are unique.</summary>
    [JsonPropertyName("annotations")]
    public ImmutableSortedDictionary<string, string>? Annotations { get; init; }

    /// <summary>The content itself, embedded. Whoever uses it verifies it like fetched bytes.</summary>
    [JsonPropertyName("data")]
    public ReadOnlyMemory<byte>? Data { get; init; }

    /// <summary>What the manifest that this points to is for, when it is not an image.</summary>
    [JsonPropertyName("artifactType")]
    public string? ArtifactType { get; init; }

    /// <summary>In an index: the platform of the manifest that this points to.</summary>
    [JsonPropertyName("platform")]
    public Platform? Platform { get; init; }

    /// <summary>The descriptor of bytes in memory.</summary>
    public static Descriptor Of(string mediaType, ReadOnlySpan<byte> content) =>
        new() { MediaType = mediaType, Digest = Digest.Of(content), Size = content.Length };
}
