using System.Collections.Immutable;
using System.Text;
using Mica.Oci;

namespace Mica.Tests.Store;

/// <summary>Small images in memory. Their layers are not tars: the store keeps blobs without looking into them.</summary>
internal static class TestImages
{
    /// <summary>Adds an image whose layers are the given texts, and returns its manifest.</summary>
    public static Descriptor Add(
        MemoryContent content, string[] layers, string architecture = "amd64", string? created = null,
        Dictionary<string, string>? labels = null, string salt = "")
    {
        ImmutableArray<Descriptor> blobs = [.. layers.Select(layer => content.Add(MediaTypes.OciLayerGzip, Encoding.UTF8.GetBytes("gz " + layer)))];
        Descriptor config = content.Add(MediaTypes.OciConfig, new ImageConfig
        {
            Created = created,
            Author = salt,
            Os = "linux",
            Architecture = architecture,
            Config = new ContainerConfig { Labels = labels?.ToImmutableSortedDictionary() },
            RootFs = new RootFs { Type = "layers", DiffIds = [.. layers.Select(layer => DiffId(layer))] },
            History = [.. layers.Select(layer => new HistoryEntry { CreatedBy = "ADD " + layer })],
        }.ToJson());
        return content.Add(MediaTypes.OciManifest,
            new ImageManifest { MediaType = MediaTypes.OciManifest, Config = config, Layers = blobs }.ToJson());
    }

    /// <summary>Adds an index of one manifest for each architecture.</summary>
    public static Descriptor AddIndex(MemoryContent content, params (string Architecture, Descriptor Manifest)[] manifests) =>
        content.Add(MediaTypes.OciIndex, new ImageIndex
        {
            MediaType = MediaTypes.OciIndex,
            Manifests = [.. manifests.Select(entry => entry.Manifest with
            {
                Platform = new Platform { Os = "linux", Architecture = entry.Architecture },
            })],
        }.ToJson());

    public static Digest DiffId(string layer) => Digest.Of(Encoding.UTF8.GetBytes("tar " + layer));
}
