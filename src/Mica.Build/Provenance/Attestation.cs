using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mica.Oci;

namespace Mica.Build;

/// <summary>
/// Statements about an image, in a manifest of their own beside it in its index, as BuildKit lays them out: each statement a
/// layer, the platform <c>unknown/unknown</c>. BuildKit, docs/attestations/attestation-storage.md.
/// </summary>
public static class Attestation
{
    private const string ReferenceType = "vnd.docker.reference.type";
    private const string ReferenceDigest = "vnd.docker.reference.digest";
    private const string ManifestReference = "attestation-manifest";
    private const string PredicateType = "in-toto.io/predicate-type";

    /// <summary>Statements are small; what is larger is not looked into.</summary>
    private const int MaxStatement = 16 << 20;

    private static readonly Platform s_unknown = new() { Os = "unknown", Architecture = "unknown" };

    /// <summary>The image that an index's entry says something about; null when the entry is no attestation.</summary>
    public static Digest? SubjectOf(Descriptor entry) => entry.Annotations is { } annotations
        && annotations.GetValueOrDefault(ReferenceType) == ManifestReference
        && Digest.TryParse(annotations.GetValueOrDefault(ReferenceDigest), out Digest subject) ? subject : null;

    internal static async Task<BuiltProvenance> WriteAsync(
        IContentTarget target, InTotoStatement statement, Digest subject, CancellationToken cancellationToken)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(statement, ProvenanceContext.Relaxed.InTotoStatement);
        Descriptor layer = await target.WriteDocumentAsync(InTotoStatement.MediaType, json, cancellationToken);
        layer = layer with { Annotations = Single(PredicateType, SlsaProvenance.PredicateType) };
        return new BuiltProvenance(await WriteManifestAsync(target, [layer], subject, cancellationToken), json, statement.Predicate.ToJson());
    }

    /// <summary>
    /// The same attestation about an image that differs only in how its layers are compressed: statements that name the one as
    /// their subject name the other. What is no in-toto statement stays as it is.
    /// </summary>
    /// <param name="store">Has the attestation, and gets the new one.</param>
    /// <param name="entry">The attestation in its index.</param>
    /// <param name="from">The manifest that it is about.</param>
    /// <param name="to">The manifest that the new one is about.</param>
    /// <param name="cancellationToken">Stops.</param>
    /// <returns>The entry for the new index.</returns>
    public static async Task<Descriptor> RetargetAsync(IContentTarget store, Descriptor entry, Digest from, Digest to, CancellationToken cancellationToken)
    {
        var manifest = ImageManifest.Parse(await store.ReadDocumentAsync(entry, cancellationToken), entry.MediaType);
        ImmutableArray<Descriptor>.Builder layers = ImmutableArray.CreateBuilder<Descriptor>();
        foreach (Descriptor layer in manifest.Layers)
        {
            layers.Add(layer.MediaType == InTotoStatement.MediaType && layer.Size <= MaxStatement
                ? await RetargetStatementAsync(store, layer, from, to, cancellationToken) : layer);
        }

        return await WriteManifestAsync(store, layers.ToImmutable(), to, cancellationToken);
    }

    private static async Task<Descriptor> RetargetStatementAsync(IContentTarget store, Descriptor layer, Digest from, Digest to, CancellationToken cancellationToken)
    {
        byte[] content = new byte[layer.Size];
        await using (Stream source = await store.OpenAsync(layer, cancellationToken))
        {
            await source.ReadExactlyAsync(content, cancellationToken);

            // Verified at its end.
            _ = await source.ReadAsync(new byte[1], cancellationToken);
        }

        return Retarget(content, from, to) is { } changed
            ? (await store.WriteDocumentAsync(layer.MediaType, changed, cancellationToken)) with { Annotations = layer.Annotations }
            : layer;
    }

    /// <summary>Null when the statement is not about <paramref name="from"/>, or is none.</summary>
    internal static byte[]? Retarget(ReadOnlySpan<byte> statement, Digest from, Digest to)
    {
        try
        {
            OciJson.CheckNames(statement);
            var reader = new Utf8JsonReader(statement);
            if (JsonNode.Parse(ref reader) is not JsonObject root || root["subject"] is not JsonArray subjects)
            {
                return null;
            }

            bool changed = false;
            foreach (JsonNode? subject in subjects)
            {
                if (subject is JsonObject one && one["digest"] is JsonObject digest
                    && digest[from.Algorithm] is JsonValue value && value.TryGetValue(out string? hex) && hex == from.Hex)
                {
                    digest[to.Algorithm] = JsonValue.Create(to.Hex);
                    changed = true;
                }
            }

            return changed ? ToJson(root) : null;
        }
        catch (Exception failure) when (failure is JsonException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    private static byte[] ToJson(JsonObject root)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            root.WriteTo(writer);
        }

        return buffer.ToArray();
    }

    private static async Task<Descriptor> WriteManifestAsync(
        IContentTarget target, ImmutableArray<Descriptor> layers, Digest subject, CancellationToken cancellationToken)
    {
        var config = new ImageConfig
        {
            Architecture = s_unknown.Architecture,
            Os = s_unknown.Os,
            Config = new ContainerConfig(),
            RootFs = new RootFs { Type = "layers", DiffIds = [.. layers.Select(layer => layer.Digest)] },
        };
        var manifest = new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = await target.WriteDocumentAsync(MediaTypes.OciConfig, config.ToJson(), cancellationToken),
            Layers = layers,
        };
        Descriptor written = await target.WriteDocumentAsync(MediaTypes.OciManifest, manifest.ToJson(), cancellationToken);
        return written with
        {
            Annotations = Single(ReferenceDigest, subject.ToString()).Add(ReferenceType, ManifestReference),
            Platform = s_unknown,
        };
    }

    private static ImmutableSortedDictionary<string, string> Single(string name, string value) =>
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal).Add(name, value);
}
