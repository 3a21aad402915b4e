using System.Collections.Immutable;
using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Manifests;

/// <summary>What a pushed document needs and says, if it is one that a registry takes.</summary>
internal static class ManifestReading
{
    private const string EmptyConfig = MediaTypes.OciEmpty;

    /// <exception cref="RefusedException">It is malformed, or of another kind than <paramref name="mediaType"/> says.</exception>
    public static ManifestLinks Read(ReadOnlyMemory<byte> content, string mediaType)
    {
        try
        {
            return MediaTypes.IsIndex(mediaType) ? OfIndex(ImageIndex.Parse(content.Span, mediaType))
                : MediaTypes.IsManifest(mediaType) ? OfManifest(ImageManifest.Parse(content.Span, mediaType))
                : throw Unsupported(content.Span, mediaType);
        }
        catch (MicaException error)
        {
            throw new RefusedException(ErrorCode.ManifestInvalid, error.Message);
        }
    }

    private static ManifestLinks OfManifest(ImageManifest manifest)
    {
        string artifactType = manifest.ArtifactType is { Length: > 0 } own ? own : manifest.Config.MediaType;
        if (manifest.Config.MediaType == EmptyConfig && string.IsNullOrEmpty(manifest.ArtifactType) && manifest.MediaType == MediaTypes.OciManifest
            && manifest.Layers.IsEmpty)
        {
            throw new RefusedException(ErrorCode.ManifestInvalid, "an artifact with an empty config needs an artifactType");
        }

        // Layers that are fetched from elsewhere need not be here.
        ImmutableArray<Digest> blobs =
        [
            manifest.Config.Digest,
            .. manifest.Layers.Where(layer => !MediaTypes.IsNondistributable(layer.MediaType)).Select(layer => layer.Digest),
        ];
        return new ManifestLinks(
            artifactType, manifest.Subject?.Digest, Annotations(manifest.Annotations), [.. blobs.Distinct()], []);
    }

    private static ManifestLinks OfIndex(ImageIndex index) => new(
        index.ArtifactType is { Length: > 0 } own ? own : null,
        index.Subject?.Digest,
        Annotations(index.Annotations),
        [],
        [.. index.Manifests.Select(manifest => manifest.Digest).Distinct()]);

    /// <summary>The JSON object; null for none.</summary>
    public static string? Annotations(ImmutableSortedDictionary<string, string>? annotations)
    {
        if (annotations is null or { IsEmpty: true })
        {
            return null;
        }

        using var text = new MemoryStream();
        using (var writer = new Utf8JsonWriter(text, JsonAnswer.Options))
        {
            writer.WriteStartObject();
            foreach ((string name, string value) in annotations)
            {
                writer.WriteString(name, value);
            }

            writer.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
    }

    private static RefusedException Unsupported(ReadOnlySpan<byte> content, string mediaType)
    {
        ManifestDocument.RefuseSchema1(content, mediaType);
        return mediaType.Length == 0
            ? new RefusedException(ErrorCode.ManifestInvalid, "the request says no Content-Type, and the document no mediaType")
            : new RefusedException(ErrorCode.ManifestInvalid, $"{Printable.Of(mediaType)} is no manifest or index that this registry knows");
    }
}
