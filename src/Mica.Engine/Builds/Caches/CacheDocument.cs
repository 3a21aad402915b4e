using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>
/// Results of steps, as they are exchanged. Their inputs stay at home: values of arguments and variables are among them.
/// </summary>
internal sealed record CacheDocument
{
    /// <summary>Of a manifest that is a cache.</summary>
    public const string ArtifactType = "application/vnd.mica.buildcache.v1";

    /// <summary>Of this document.</summary>
    public const string MediaType = "application/vnd.mica.buildcache.config.v1+json";

    private const int MaxResults = 20_000;

    [JsonPropertyName("results")]
    public required ImmutableArray<CachedResult> Results { get; init; }

    /// <summary>Results whose layers are those with the diffIDs; each layer has the index of its diffID.</summary>
    public static CacheDocument Of(IEnumerable<BuildRecord> records, IReadOnlyList<Digest> diffIds) => new()
    {
        Results = [.. records.Select(record => new CachedResult
        {
            Key = record.Key,
            Alias = record.Alias,
            Description = record.Description,
            Created = record.Created,
            Layer = record.DiffId is { } diffId ? diffIds.ToList().IndexOf(diffId) : null,
            DiffId = record.DiffId,
        }).Where(result => result.Layer is not < 0)],
    };

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, CacheJson.Strict.CacheDocument);

    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: not such a document.</exception>
    public static CacheDocument Parse(ReadOnlySpan<byte> json, int layers)
    {
        try
        {
            OciJson.CheckNames(json);
            CacheDocument document = JsonSerializer.Deserialize(json, CacheJson.Strict.CacheDocument) ?? throw new JsonException("null");
            return !document.Results.IsDefault && document.Results.Length <= MaxResults
                && document.Results.All(result => result.Layer is { } layer ? result.DiffId is not null && layer >= 0 && layer < layers : result.DiffId is null)
                ? document : throw new JsonException("its layers are not those of its manifest");
        }
        catch (JsonException failure)
        {
            throw new MicaException(ErrorKind.ContentMismatch, "build cache: malformed", failure);
        }
    }
}

/// <summary>The result of one step.</summary>
internal sealed record CachedResult
{
    [JsonPropertyName("key")]
    public required Digest Key { get; init; }

    [JsonPropertyName("alias")]
    public Digest? Alias { get; init; }

    [JsonPropertyName("description")]
    public required string Description { get; init; }

    [JsonPropertyName("created")]
    public required DateTimeOffset Created { get; init; }

    /// <summary>Which of the layers; null: the step changed nothing.</summary>
    [JsonPropertyName("layer")]
    public int? Layer { get; init; }

    [JsonPropertyName("diffID")]
    public Digest? DiffId { get; init; }
}

[JsonSerializable(typeof(CacheDocument))]
internal sealed partial class CacheJson : JsonSerializerContext
{
    public static CacheJson Strict { get; } = new(new JsonSerializerOptions
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        AllowDuplicateProperties = false,
        MaxDepth = 8,
        Converters = { new DigestConverter() },
    });
}
