using System.Text;
using System.Text.Json;
using Mica.Layers;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// Archives that docker before 1.10 wrote: <c>repositories</c> names layers, and every layer is a directory <c>ID/</c> with
/// <c>json</c> and <c>layer.tar</c>, which points to its parent. The config is made of the layers' JSON as docker 26 makes it when
/// it loads such an archive, byte for byte, so that the image gets the ID that docker gives it (images of docker before 1.8.3
/// aside, whose JSON it rewrites). Docker image specification v1.
/// </summary>
internal sealed class LegacyArchive(ArchiveMembers members, DockerArchive images, string displayName)
{
    private const int MaxLayers = 512;

    /// <summary>What says something about the layer, not about the image.</summary>
    private static readonly HashSet<string> s_dropped = ["id", "parent", "Size", "parent_id", "layer_id", "throwaway", "rootfs", "history"];

    private readonly Dictionary<string, (Descriptor Layer, Digest DiffId)> _layers = [];

    /// <summary>The images that <c>repositories</c> names.</summary>
    public IEnumerable<(Descriptor Manifest, IEnumerable<string> Names)> Read(SortedDictionary<string, SortedDictionary<string, string>> repositories)
    {
        foreach ((string repository, SortedDictionary<string, string> tags) in repositories)
        {
            foreach ((string tag, string id) in tags ?? [])
            {
                yield return (Add(id), [$"{repository}:{tag}"]);
            }
        }
    }

    private Descriptor Add(string top)
    {
        var chain = new List<JsonElement>();
        var layers = new List<(Descriptor Layer, Digest DiffId)>();
        var seen = new HashSet<string>();
        for (string? id = top; chain.Count == 0 || !string.IsNullOrEmpty(id); id = Text(chain[^1], "parent"))
        {
            if (id is null || !IsId(id))
            {
                throw Mismatch($"\"{Printable.Of(id)}\" is not the ID of a layer");
            }

            if (!seen.Add(id) || seen.Count > MaxLayers)
            {
                throw Mismatch(seen.Count > MaxLayers ? $"an image has more than {MaxLayers} layers" : $"layer {id} is its own ancestor");
            }

            chain.Add(ReadJson(id));
            layers.Add(ReadLayer(id));
        }

        chain.Reverse();
        layers.Reverse();
        return images.AddManifest(Config(chain, layers), [.. layers.Select(layer => layer.Layer)]);
    }

    private JsonElement ReadJson(string id)
    {
        byte[] json = members.ReadDocument($"{id}/json") ?? throw Mismatch($"layer {id} has no json");
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 32 });
            JsonElement element = JsonElement.ParseValue(ref reader);
            OciJson.CheckTexts(element, $"{displayName}: {id}/json");
            return element.ValueKind == JsonValueKind.Object ? element : throw Mismatch($"{id}/json is malformed: it is not an object");
        }
        catch (JsonException error)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{displayName}: {id}/json is malformed", error);
        }
    }

    private (Descriptor Layer, Digest DiffId) ReadLayer(string id)
    {
        if (!_layers.TryGetValue(id, out (Descriptor Layer, Digest DiffId) known))
        {
            string name = $"{id}/layer.tar";
            using Stream tar = LayerDecompressor.Open(members.Open(images.FindLayer(name), 0, name), out _);
            Digest diffId = images.HashOf(tar);
            known = (images.AddLayer(name, diffId), diffId);
            _layers.Add(id, known);
        }

        return known;
    }

    private static byte[] Config(List<JsonElement> chain, List<(Descriptor Layer, Digest DiffId)> layers)
    {
        var members = new SortedDictionary<string, Action<StringBuilder>>(StringComparer.Ordinal);
        foreach (JsonProperty member in chain[^1].EnumerateObject().Where(member => !s_dropped.Contains(member.Name)))
        {
            members[member.Name] = json => GoJson.AppendCompact(json, member.Value.GetRawText());
        }

        members["rootfs"] = json => json.Append("""{"type":"layers","diff_ids":[""")
            .AppendJoin(',', layers.Select(layer => $"\"{layer.DiffId}\"")).Append("]}");
        members["history"] = json => AppendHistory(json, chain);

        var result = new StringBuilder("{");
        foreach ((string name, Action<StringBuilder> append) in members)
        {
            result.Append(result.Length > 1 ? "," : "");
            GoJson.AppendString(result, name);
            append(result.Append(':'));
        }

        return Encoding.UTF8.GetBytes(result.Append('}').ToString());
    }

    private static void AppendHistory(StringBuilder json, List<JsonElement> chain)
    {
        json.Append('[');
        foreach (JsonElement layer in chain)
        {
            json.Append(json[^1] == '[' ? "{" : ",{");
            Append("created", Text(layer, "created"));
            Append("created_by", CreatedBy(layer));
            Append("author", Text(layer, "author"));
            Append("comment", Text(layer, "comment"));
            json.Append('}');
        }

        json.Append(']');

        void Append(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                json.Append(json[^1] == '{' ? "\"" : ",\"").Append(name).Append("\":");
                GoJson.AppendString(json, value);
            }
        }
    }

    private static string? CreatedBy(JsonElement layer) =>
        layer.TryGetProperty("container_config", out JsonElement config) && config.ValueKind == JsonValueKind.Object
        && config.TryGetProperty("Cmd", out JsonElement command) && command.ValueKind == JsonValueKind.Array
            ? string.Join(' ', command.EnumerateArray().Where(word => word.ValueKind == JsonValueKind.String).Select(word => word.GetString()))
            : null;

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement member) && member.ValueKind == JsonValueKind.String ? member.GetString() : null;

    private static bool IsId(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigitLower);

    private MicaException Mismatch(string problem) => new(ErrorKind.ContentMismatch, $"{displayName}: {problem}");
}
