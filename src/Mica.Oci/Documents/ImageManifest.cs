using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mica.Oci;

/// <summary>
/// The manifest of one image, or of an artifact: its config and its layers, base layer first. A view of bytes, never their
/// replacement: what was fetched is stored and forwarded as it came. OCI image-spec v1.1, manifest.md; Docker schema 2.
/// </summary>
public sealed record ImageManifest
{
    /// <summary>Always 2.</summary>
    [JsonPropertyName("schemaVersion")]
    [JsonRequired]
    public int SchemaVersion { get; init; } = 2;

    /// <summary>Null in old OCI manifests, where the descriptor or the response header says it.</summary>
    [JsonPropertyName("mediaType")]
    public string? MediaType { get; init; }

    /// <summary>What an artifact is; null for an image.</summary>
    [JsonPropertyName("artifactType")]
    public string? ArtifactType { get; init; }

    /// <summary>The image's config, or the empty descriptor of an artifact.</summary>
    [JsonPropertyName("config")]
    public required Descriptor Config { get; init; }

    /// <summary>Base layer first.</summary>
    [JsonPropertyName("layers")]
    [JsonConverter(typeof(EmptyWhenNullConverter<Descriptor>))]
    public ImmutableArray<Descriptor> Layers { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>The manifest that this one says something about (a signature, an SBOM); makes this one a referrer.</summary>
    [JsonPropertyName("subject")]
    public Descriptor? Subject { get; init; }

    /// <summary>Free-form text.</summary>
    [JsonPropertyName("annotations")]
    public ImmutableSortedDictionary<string, string>? Annotations { get; init; }

    /// <summary>Only to refuse a document that is an index as well (CVE-2021-41190).</summary>
    [JsonPropertyName("manifests")]
    [JsonInclude]
    internal JsonElement? Manifests { get; init; }

    /// <summary>Parses <paramref name="json"/>; <paramref name="mediaType"/> is what its descriptor says it is.</summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.ContentMismatch"/>: malformed, or something else than <paramref name="mediaType"/>.
    /// <see cref="ErrorKind.Unsupported"/>: schema 1.
    /// </exception>
    public static ImageManifest Parse(ReadOnlySpan<byte> json, string mediaType)
    {
        ManifestDocument.RefuseSchema1(json, mediaType);
        ImageManifest manifest = OciJson.Parse(json, OciJsonContext.Strict.ImageManifest, "image manifest");
        ManifestDocument.Check("image manifest", manifest.SchemaVersion, manifest.MediaType, mediaType);
        if (manifest.Manifests is not null)
        {
            throw new MicaException(ErrorKind.ContentMismatch, "image manifest is ambiguous: it has the members of an index too");
        }

        ManifestDocument.CheckSizes("image manifest", [manifest.Config, .. manifest.Layers]);
        return manifest;
    }

    /// <summary>The compact JSON of a manifest that we author.</summary>
    public byte[] ToJson() => OciJson.Write(this, OciJsonContext.Strict.ImageManifest);
}
