using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mica.Layers;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// The <c>layer.json</c> beside a layer's tree: what the catalog knows of the layer, so that it can be learnt again from the
/// directory alone. It is written last; a directory without it is not whole.
/// </summary>
internal sealed record LayerDescription
{
    public const string FileName = "layer.json";

    /// <summary>Digest of the uncompressed tar.</summary>
    [JsonPropertyName("diffId")]
    public required string DiffId { get; init; }

    /// <summary>The compressed layer that it was unpacked from.</summary>
    [JsonPropertyName("blob")]
    public required string Blob { get; init; }

    /// <summary>Bytes of the files.</summary>
    [JsonPropertyName("bytes")]
    public required long Bytes { get; init; }

    /// <summary>Entries of the tar.</summary>
    [JsonPropertyName("entries")]
    public required long Entries { get; init; }

    /// <summary>How whiteouts and ownership stand in the tree.</summary>
    [JsonPropertyName("form")]
    public required string Form { get; init; }

    /// <summary>The layer says that nothing of lower layers shows; overlayfs must be told.</summary>
    [JsonPropertyName("hidesLowerLayers")]
    public bool HidesLowerLayers { get; init; }

    /// <summary>
    /// Directories that the tar goes through without an entry for them, in base64 of their bytes. In a merged view they hide
    /// owner and mode of a lower layer's directory, which the tar did not mean.
    /// </summary>
    [JsonPropertyName("impliedDirectories")]
    public ImmutableArray<string> ImpliedDirectories { get; init; } = [];

    public static LayerDescription Of(Descriptor blob, UnpackedLayer unpacked) => new()
    {
        DiffId = unpacked.DiffId.ToString(),
        Blob = blob.Digest.ToString(),
        Bytes = unpacked.Applied.ContentBytes,
        Entries = unpacked.Applied.Entries,
        Form = LayerForm.Text,
        HidesLowerLayers = unpacked.Applied.HidesLowerLayers,
        ImpliedDirectories = [.. unpacked.Applied.ImpliedDirectories.Select(path => Convert.ToBase64String(path.Bytes))],
    };

    public void Write(string directory) => File.WriteAllBytes(
        Path.Join(directory, FileName), JsonSerializer.SerializeToUtf8Bytes(this, StoreJsonContext.Default.LayerDescription));

    public static LayerDescription? Parse(byte[] json) => JsonSerializer.Deserialize(json, StoreJsonContext.Default.LayerDescription);

    /// <summary>Null: there is none, or it is damaged.</summary>
    public static LayerDescription? Read(string directory, Digest diffId)
    {
        try
        {
            LayerDescription? description = Parse(File.ReadAllBytes(Path.Join(directory, FileName)));
            return description?.DiffId == diffId.ToString() && Digest.TryParse(description.Blob, out _) ? description : null;
        }
        catch (Exception failure) when (failure is JsonException or FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }
}

/// <summary>JSON of the store's own files.</summary>
[JsonSerializable(typeof(LayerDescription))]
internal sealed partial class StoreJsonContext : JsonSerializerContext;
