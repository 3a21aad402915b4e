using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Mica.Oci;

namespace Mica.Store;

/// <summary>The documents below a root that are here, read and checked, before the catalog learns of them.</summary>
internal sealed class ImageGraph
{
    private const int MaxDepth = 8;

    private readonly Dictionary<Digest, ImmutableArray<Descriptor>> _children = [];
    private readonly List<Descriptor> _variants = [];
    private readonly Dictionary<Digest, ImageForm> _images = [];

    private ImageGraph(Descriptor root) => Root = root;

    public Descriptor Root { get; }

    /// <summary>What each document that is here refers to.</summary>
    public IReadOnlyDictionary<Digest, ImmutableArray<Descriptor>> Children => _children;

    /// <summary>The manifests below the root, here or not, in order and once each.</summary>
    public IReadOnlyList<Descriptor> Variants => _variants;

    /// <summary>By their digest, the manifests that are images' and have their config here.</summary>
    public IReadOnlyDictionary<Digest, ImageForm> Images => _images;

    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.NotFound"/>: the root is not here. <see cref="ErrorKind.ContentMismatch"/>: a document is
    /// malformed, or nested too deep.
    /// </exception>
    public static async Task<ImageGraph> ReadAsync(Descriptor root, BlobStore blobs, CancellationToken cancellationToken)
    {
        var graph = new ImageGraph(root);
        await graph.ReadAsync(root, blobs, depth: 0, cancellationToken);
        return graph;
    }

    private async Task ReadAsync(Descriptor document, BlobStore blobs, int depth, CancellationToken cancellationToken)
    {
        if (depth == MaxDepth)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{Root.Digest}: indexes are nested more than {MaxDepth} deep");
        }

        bool isIndex = MediaTypes.IsIndex(document.MediaType);
        if (!isIndex && _variants.All(known => known.Digest != document.Digest))
        {
            _variants.Add(document);
        }

        if (_children.ContainsKey(document.Digest) || (depth > 0 && !blobs.Exists(document.Digest)))
        {
            return;
        }

        byte[] content = await blobs.ReadDocumentAsync(document, cancellationToken);
        _children.Add(document.Digest, ManifestDocument.Children(content, document.MediaType));
        if (!isIndex)
        {
            await ReadImageAsync(document, ImageManifest.Parse(content, document.MediaType), blobs, cancellationToken);
            return;
        }

        foreach (Descriptor child in _children[document.Digest].Where(child => MediaTypes.IsDocument(child.MediaType)))
        {
            await ReadAsync(child, blobs, depth + 1, cancellationToken);
        }
    }

    private async Task ReadImageAsync(
        Descriptor document, ImageManifest manifest, BlobStore blobs, CancellationToken cancellationToken)
    {
        if (MediaTypes.IsConfig(manifest.Config.MediaType) && manifest.Layers.All(layer => MediaTypes.IsLayer(layer.MediaType))
            && blobs.Exists(manifest.Config.Digest))
        {
            ImageConfig config = ImageConfig.Parse(await blobs.ReadDocumentAsync(manifest.Config, cancellationToken));
            ImmutableArray<Digest> diffIds = config.RootFs.DiffIds;
            if (diffIds.Length != manifest.Layers.Length)
            {
                throw new MicaException(ErrorKind.ContentMismatch,
                    $"{document.Digest} has {manifest.Layers.Length} layers, but its config names {diffIds.Length} diffIDs");
            }

            _images[document.Digest] = new ImageForm(manifest, config, ChainIds(diffIds));
        }
    }

    /// <summary>OCI image-spec v1.1, config.md#layer-chainid.</summary>
    private static ImmutableArray<Digest> ChainIds(ImmutableArray<Digest> diffIds)
    {
        ImmutableArray<Digest>.Builder chains = ImmutableArray.CreateBuilder<Digest>(diffIds.Length);
        foreach (Digest diffId in diffIds)
        {
            chains.Add(chains.Count == 0 ? diffId : Digest.FromHash(Digest.Sha256,
                SHA256.HashData(Encoding.ASCII.GetBytes($"{chains[^1]} {diffId}"))));
        }

        return chains.MoveToImmutable();
    }
}

/// <summary>An image's manifest with what its config says of it.</summary>
internal sealed record ImageForm(ImageManifest Manifest, ImageConfig Config, ImmutableArray<Digest> ChainIds);
