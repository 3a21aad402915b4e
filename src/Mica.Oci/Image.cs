using System.Collections.Immutable;

namespace Mica.Oci;

/// <summary>
/// One image of one platform, seen through the documents that make it: the path from what a name resolved to, by way of
/// indexes, to a manifest and its config. The layers stay where they are.
/// </summary>
public sealed class Image
{
    private const int MaxDepth = 8;

    private readonly Dictionary<Digest, byte[]> _documents = [];

    private Image(Descriptor root) => Root = root;

    /// <summary>What the name resolved to: an index, or the manifest itself.</summary>
    public Descriptor Root { get; }

    /// <summary>The document at <see cref="Root"/> when it is an index.</summary>
    public ImageIndex? Index { get; private set; }

    /// <summary>Points to <see cref="Manifest"/>; from an index it carries the platform.</summary>
    public Descriptor ManifestDescriptor { get; private set; } = null!;

    /// <summary>The manifest.</summary>
    public ImageManifest Manifest { get; private set; } = null!;

    /// <summary>The config. Its digest, <c>Manifest.Config.Digest</c>, is the image's ID.</summary>
    public ImageConfig Config { get; private set; } = null!;

    /// <summary>The image's ID: the digest of its config.</summary>
    public Digest Id => Manifest.Config.Digest;

    /// <summary>The layers, base first, each with the digest of its uncompressed tar.</summary>
    public IEnumerable<(Descriptor Layer, Digest DiffId)> Layers => Manifest.Layers.Zip(Config.RootFs.DiffIds);

    /// <summary>The verified bytes of the index, the manifest or the config, as they came; null for other content.</summary>
    public byte[]? Document(Descriptor descriptor) => _documents.GetValueOrDefault(descriptor.Digest);

    /// <summary>
    /// Reads the documents of the image that <paramref name="root"/> leads to. From an index the manifest that suits
    /// <paramref name="platform"/> best is taken; a manifest without an index is taken as it is.
    /// </summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.NotFound"/>: the index has nothing for the platform. <see cref="ErrorKind.Unsupported"/>: it is an
    /// artifact, or schema 1. <see cref="ErrorKind.ContentMismatch"/>: a document is malformed or contradicts another.
    /// </exception>
    public static async Task<Image> OpenAsync(
        IContentSource source, Descriptor root, Platform platform, CancellationToken cancellationToken)
    {
        var image = new Image(root);
        Descriptor descriptor = root;
        byte[] content = await image.ReadAsync(source, root, cancellationToken);
        for (int depth = 0; MediaTypes.IsIndex(descriptor.MediaType); depth++)
        {
            if (depth == MaxDepth)
            {
                throw new MicaException(ErrorKind.ContentMismatch, $"{root.Digest}: indexes are nested more than {MaxDepth} deep");
            }

            ImageIndex index = ImageIndex.Parse(content, descriptor.MediaType);
            image.Index ??= index;
            descriptor = index.Select(platform) ?? throw new MicaException(ErrorKind.NotFound,
                $"no matching manifest for {platform} in the manifest list entries{Offer(index)}");
            content = await image.ReadAsync(source, descriptor, cancellationToken);
        }

        image.ManifestDescriptor = descriptor;
        image.Manifest = ImageManifest.Parse(content, descriptor.MediaType);
        await image.ReadConfigAsync(source, cancellationToken);
        return image;
    }

    private async Task ReadConfigAsync(IContentSource source, CancellationToken cancellationToken)
    {
        Descriptor config = Manifest.Config;
        Descriptor? odd = Manifest.Layers.FirstOrDefault(layer => !MediaTypes.IsLayer(layer.MediaType));
        if (!MediaTypes.IsConfig(config.MediaType) || odd is not null)
        {
            string type = Manifest.ArtifactType ?? (MediaTypes.IsConfig(config.MediaType) ? odd!.MediaType : config.MediaType);
            throw new MicaException(ErrorKind.Unsupported,
                $"{Root.Digest} is an artifact of type {Printable.Of(type)}, not an image; 'mica copy' can move it");
        }

        Config = ImageConfig.Parse(await ReadAsync(source, config, cancellationToken));
        ImmutableArray<Digest> diffIds = Config.RootFs.DiffIds;
        if (diffIds.Length != Manifest.Layers.Length)
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"{ManifestDescriptor.Digest} has {Manifest.Layers.Length} layers, but its config names {diffIds.Length} diffIDs");
        }
    }

    private async ValueTask<byte[]> ReadAsync(IContentSource source, Descriptor descriptor, CancellationToken cancellationToken)
    {
        byte[] content = await source.ReadDocumentAsync(descriptor, cancellationToken);
        _documents[descriptor.Digest] = content;
        return content;
    }

    private static string Offer(ImageIndex index)
    {
        string[] platforms = [.. index.Manifests.Where(entry => entry.Platform is { Os: not "unknown" })
            .Select(entry => Printable.Of(entry.Platform!.ToString())).Distinct().Take(12)];
        return platforms.Length == 0 ? "" : $" (it has {string.Join(", ", platforms)})";
    }
}
