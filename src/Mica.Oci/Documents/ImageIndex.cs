using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mica.Oci;

/// <summary>
/// A list of manifests, one per platform as a rule. OCI image-spec v1.1, image-index.md; Docker's manifest list has the same
/// members.
/// </summary>
public sealed record ImageIndex
{
    /// <summary>Always 2.</summary>
    [JsonPropertyName("schemaVersion")]
    [JsonRequired]
    public int SchemaVersion { get; init; } = 2;

    /// <summary>Null in old OCI indexes.</summary>
    [JsonPropertyName("mediaType")]
    public string? MediaType { get; init; }

    /// <summary>What an index of artifacts is.</summary>
    [JsonPropertyName("artifactType")]
    public string? ArtifactType { get; init; }

    /// <summary>In the author's order of preference: of equally good platforms the first wins.</summary>
    [JsonPropertyName("manifests")]
    [JsonConverter(typeof(EmptyWhenNullConverter<Descriptor>))]
    public ImmutableArray<Descriptor> Manifests { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>The manifest that this index says something about.</summary>
    [JsonPropertyName("subject")]
    public Descriptor? Subject { get; init; }

    /// <summary>Free-form text.</summary>
    [JsonPropertyName("annotations")]
    public ImmutableSortedDictionary<string, string>? Annotations { get; init; }

    /// <summary>Only to refuse a document that is a manifest as well (CVE-2021-41190).</summary>
    [JsonPropertyName("layers")]
    [JsonInclude]
    internal JsonElement? Layers { get; init; }

    /// <summary>Only to refuse a document that is a manifest as well.</summary>
    [JsonPropertyName("config")]
    [JsonInclude]
    internal JsonElement? Config { get; init; }

    /// <summary>Parses <paramref name="json"/>; <paramref name="mediaType"/> is what its descriptor says it is.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: malformed, or something else.</exception>
    public static ImageIndex Parse(ReadOnlySpan<byte> json, string mediaType)
    {
        ImageIndex index = OciJson.Parse(json, OciJsonContext.Strict.ImageIndex, "image index");
        ManifestDocument.Check("image index", index.SchemaVersion, index.MediaType, mediaType);
        if (index.Layers is not null || index.Config is not null)
        {
            throw new MicaException(ErrorKind.ContentMismatch, "image index is ambiguous: it has the members of a manifest too");
        }

        ManifestDocument.CheckSizes("image index", index.Manifests);
        return index;
    }

    /// <summary>The compact JSON of an index that we author.</summary>
    public byte[] ToJson() => OciJson.Write(this, OciJsonContext.Strict.ImageIndex);

    /// <summary>
    /// The manifest that runs best on <paramref name="platform"/>, or null. Entries for the platform <c>unknown</c>
    /// (attestations) never match; an entry without a platform matches only when nothing else does.
    /// </summary>
    public Descriptor? Select(Platform platform)
    {
        Descriptor? best = Manifests
            .Where(entry => entry.Platform is { Os: not "unknown" } && MediaTypes.IsDocument(entry.MediaType))
            .Select(entry => (Entry: entry, Rank: platform.Rank(entry.Platform!)))
            .Where(candidate => candidate.Rank > 0)
            .OrderByDescending(candidate => candidate.Rank)
            .Select(candidate => candidate.Entry)
            .FirstOrDefault();
        return best ?? Manifests.FirstOrDefault(entry => entry.Platform is null && entry.ArtifactType is null && MediaTypes.IsDocument(entry.MediaType));
    }
}
