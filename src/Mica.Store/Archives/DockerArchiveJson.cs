using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Mica.Oci;

namespace Mica.Store;

/// <summary>One image of the <c>manifest.json</c> that <c>docker save</c> writes. Docker image specification v1.2.</summary>
internal sealed record DockerArchiveItem
{
    /// <summary>The member that is the image's config.</summary>
    public required string Config { get; init; }

    /// <summary>Full names with tags; null or empty for an image without a name.</summary>
    public ImmutableArray<string>? RepoTags { get; init; }

    /// <summary>The members that are the layers, base layer first.</summary>
    public ImmutableArray<string>? Layers { get; init; }
}

/// <summary>The JSON of docker's archives: duplicate keys are errors, unknown members are ignored.</summary>
[JsonSerializable(typeof(ImmutableArray<DockerArchiveItem>))]
[JsonSerializable(typeof(SortedDictionary<string, SortedDictionary<string, string>>))]
internal sealed partial class DockerArchiveJson : JsonSerializerContext
{
    public const string ManifestName = "manifest.json";
    public const string RepositoriesName = "repositories";

    private static readonly DockerArchiveJson s_strict = new(new JsonSerializerOptions
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        AllowDuplicateProperties = false,
        MaxDepth = 16,
    });

    public static ImmutableArray<DockerArchiveItem> ParseManifest(ReadOnlySpan<byte> json, string place)
    {
        ImmutableArray<DockerArchiveItem> items = Parse(json, s_strict.ImmutableArrayDockerArchiveItem, place, ManifestName);
        return !items.IsDefault && items.All(IsComplete)
            ? items
            : throw new MicaException(ErrorKind.ContentMismatch, $"{place}: {ManifestName} is malformed: there is a null in it");
    }

    /// <summary>Repository to tag to layer.</summary>
    public static SortedDictionary<string, SortedDictionary<string, string>> ParseRepositories(ReadOnlySpan<byte> json, string place) =>
        Parse(json, s_strict.SortedDictionaryStringSortedDictionaryStringString, place, RepositoriesName)
        ?? throw new MicaException(ErrorKind.ContentMismatch, $"{place}: {RepositoriesName} is malformed: it is null");

    public static byte[] Write(ImmutableArray<DockerArchiveItem> items) =>
        JsonSerializer.SerializeToUtf8Bytes(items, s_strict.ImmutableArrayDockerArchiveItem);

    public static byte[] Write(SortedDictionary<string, SortedDictionary<string, string>> repositories) =>
        JsonSerializer.SerializeToUtf8Bytes(repositories, s_strict.SortedDictionaryStringSortedDictionaryStringString);

    /// <summary>The serializer lets null pass where a text is required.</summary>
    private static bool IsComplete(DockerArchiveItem? item) =>
        item is { Config: not null } && !(item.RepoTags ?? []).Contains(null!) && !(item.Layers ?? []).Contains(null!);

    private static T Parse<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type, string place, string name)
    {
        try
        {
            OciJson.CheckNames(json);
            return JsonSerializer.Deserialize(json, type)!;
        }
        catch (JsonException error)
        {
            int end = error.Message.IndexOf(" Path: ", StringComparison.Ordinal);
            string problem = end > 0 ? error.Message[..end] : error.Message;
            throw new MicaException(ErrorKind.ContentMismatch, $"{place}: {name} is malformed: {Printable.Of(problem)}", error);
        }
    }
}
