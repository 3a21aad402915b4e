using System.Collections.Immutable;
using System.Text.Json;

namespace Mica.Oci;

/// <summary>What manifests and indexes have in common: their checks, and the content they refer to.</summary>
public static class ManifestDocument
{
    /// <summary>The largest document that is read: registries must take 4 MiB (distribution-spec v1.1, #pushing-manifests).</summary>
    public const int MaxSize = 4 << 20;

    /// <summary>What the document refers to and cannot do without: an index's manifests; a manifest's config, then its layers.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: malformed.</exception>
    public static ImmutableArray<Descriptor> Children(ReadOnlySpan<byte> json, string mediaType)
    {
        if (MediaTypes.IsIndex(mediaType))
        {
            return ImageIndex.Parse(json, mediaType).Manifests;
        }

        ImageManifest manifest = ImageManifest.Parse(json, mediaType);
        return [manifest.Config, .. manifest.Layers];
    }

    /// <summary>
    /// The media type of a document whose origin did not say it: its own <c>mediaType</c>, or what its members tell. Null when
    /// it is not a manifest or an index.
    /// </summary>
    public static string? Sniff(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                return null;
            }

            if (root.TryGetProperty("mediaType", out JsonElement own) && own.ValueKind == JsonValueKind.String)
            {
                return own.GetString();
            }

            bool schema1 = root.TryGetProperty("schemaVersion", out JsonElement version)
                && version.ValueKind == JsonValueKind.Number && version.TryGetInt32(out int number) && number == 1;
            return schema1 ? MediaTypes.DockerSchema1
                : root.TryGetProperty("manifests", out _) ? MediaTypes.OciIndex
                : root.TryGetProperty("config", out _) && root.TryGetProperty("layers", out _) ? MediaTypes.OciManifest
                : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // The second is what a string with half a surrogate pair, or bytes that are not UTF-8, ends in.
            return null;
        }
    }

    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: the document is a Docker schema 1 manifest.</exception>
    public static void RefuseSchema1(ReadOnlySpan<byte> json, string mediaType)
    {
        if (MediaTypes.IsSchema1(mediaType) || (!MediaTypes.IsIndex(mediaType) && Sniff(json) is { } own && MediaTypes.IsSchema1(own)))
        {
            throw new MicaException(ErrorKind.Unsupported,
                "docker image manifest version 2, schema 1 is not supported; ask the image's author to push it again in the OCI or docker schema 2 format");
        }
    }

    internal static void Check(string what, int schemaVersion, string? own, string expected)
    {
        if (schemaVersion != 2)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{what} has schemaVersion {schemaVersion}, not 2");
        }

        if (own is not null && own != expected)
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"{what} calls itself {Printable.Of(own)}, but its descriptor says {Printable.Of(expected)}");
        }
    }

    internal static void CheckSizes(string what, ImmutableArray<Descriptor> descriptors)
    {
        foreach (Descriptor descriptor in descriptors)
        {
            if (descriptor.Size < 0)
            {
                throw new MicaException(ErrorKind.ContentMismatch, $"{what}: {descriptor.Digest} has the size {descriptor.Size}");
            }
        }
    }
}
