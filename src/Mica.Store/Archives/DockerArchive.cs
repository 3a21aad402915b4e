using System.Collections.Immutable;
using System.Security.Cryptography;
using Mica.Layers;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// The images of an archive without OCI manifests, as descriptors: the manifest that docker's archives lack is made here, from
/// the config as it is and the layers as they are. An uncompressed layer is named by the diffID that the config gives it, and
/// whoever reads it finds out whether that is true; a compressed one is hashed once.
/// </summary>
internal sealed class DockerArchive(ArchiveMembers members, string displayName, CancellationToken cancellationToken)
{
    private readonly Dictionary<long, Descriptor> _compressed = [];

    /// <summary>Members by the digest of their content.</summary>
    public Dictionary<Digest, ArchiveMember> Blobs { get; } = [];

    /// <summary>Manifests and configs that no member has as it is.</summary>
    public Dictionary<Digest, byte[]> Documents { get; } = [];

    /// <summary>The image of one item of <c>manifest.json</c>. Docker image specification v1.2.</summary>
    public (Descriptor Manifest, IEnumerable<string> Names) Add(DockerArchiveItem item)
    {
        byte[] config = members.ReadDocument(item.Config) ?? throw Mismatch($"{Printable.Of(item.Config)}, the config of an image, is not in the archive");
        string[] layers = [.. item.Layers ?? []];
        ImmutableArray<Digest> diffIds = ParseConfig(item.Config, config).RootFs.DiffIds;
        if (layers.Length != diffIds.Length)
        {
            throw Mismatch($"{DockerArchiveJson.ManifestName} gives {Printable.Of(item.Config)} {layers.Length} layers, and the config has {diffIds.Length}");
        }

        return (AddManifest(config, [.. layers.Zip(diffIds, AddLayer)]), item.RepoTags?.Where(name => !string.IsNullOrEmpty(name)) ?? []);
    }

    /// <summary>Makes the manifest of an image whose layers were added.</summary>
    public Descriptor AddManifest(byte[] config, ImmutableArray<Descriptor> layers)
    {
        Descriptor described = AddDocument(MediaTypes.DockerConfig, config);
        return AddDocument(MediaTypes.DockerManifest, new ImageManifest
        {
            MediaType = MediaTypes.DockerManifest,
            Config = described,
            Layers = layers,
        }.ToJson());
    }

    /// <summary>The member of a layer.</summary>
    public ArchiveMember FindLayer(string name) =>
        members.Find(name) ?? throw Mismatch($"layer {Printable.Of(name)} is not in the archive");

    /// <summary>Describes a layer whose diffID is known.</summary>
    public Descriptor AddLayer(string name, Digest diffId)
    {
        ArchiveMember member = FindLayer(name);
        string mediaType = MediaType(member, name);
        Descriptor layer = mediaType == MediaTypes.DockerLayer
            ? new Descriptor { MediaType = mediaType, Digest = diffId, Size = member.Length }
            : Hash(member, mediaType);
        if (!Blobs.TryAdd(layer.Digest, member) && Blobs[layer.Digest].Length != member.Length)
        {
            throw Mismatch($"{Printable.Of(name)} and another layer with the diffID {layer.Digest} have different sizes");
        }

        return layer;
    }

    private ImageConfig ParseConfig(string name, byte[] json)
    {
        try
        {
            return ImageConfig.Parse(json);
        }
        catch (MicaException error)
        {
            throw new MicaException(error.Kind, $"{displayName}: {Printable.Of(name)}: {error.Message}", error);
        }
    }

    private string MediaType(ArchiveMember member, string name)
    {
        try
        {
            return LayerDecompressor.Detect(members.Head(member, 6)) switch
            {
                LayerCompression.Gzip => MediaTypes.DockerLayerGzip,
                LayerCompression.Zstd => MediaTypes.DockerLayerZstd,
                _ => MediaTypes.DockerLayer,
            };
        }
        catch (MicaException error)
        {
            throw new MicaException(error.Kind, $"{displayName}: {Printable.Of(name)}: {error.Message}", error);
        }
    }

    private Descriptor Hash(ArchiveMember member, string mediaType)
    {
        if (!_compressed.TryGetValue(member.Offset, out Descriptor? known))
        {
            using FileSection content = members.Open(member, 0, "layer");
            known = new Descriptor { MediaType = mediaType, Digest = HashOf(content), Size = member.Length };
            _compressed.Add(member.Offset, known);
        }

        return known;
    }

    /// <summary>The digest of all that the stream delivers.</summary>
    public Digest HashOf(Stream content)
    {
        using IncrementalHash hash = Digest.CreateHash(Digest.Sha256);
        byte[] buffer = new byte[128 << 10];
        for (int count; (count = content.Read(buffer)) > 0;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, count);
        }

        return Digest.FromHash(Digest.Sha256, hash.GetHashAndReset());
    }

    private Descriptor AddDocument(string mediaType, byte[] content)
    {
        Descriptor descriptor = Descriptor.Of(mediaType, content);
        Documents[descriptor.Digest] = content;
        return descriptor;
    }

    private MicaException Mismatch(string problem) => new(ErrorKind.ContentMismatch, $"{displayName}: {problem}");
}
