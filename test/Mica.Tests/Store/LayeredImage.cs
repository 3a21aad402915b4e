using System.Collections.Immutable;
using System.IO.Compression;
using Mica.Oci;
using Mica.Store;

namespace Mica.Tests.Store;

/// <summary>An image in memory whose layers are real tars, gzipped.</summary>
internal sealed class LayeredImage
{
    private LayeredImage(Descriptor manifest, ImmutableArray<(Descriptor Blob, Digest DiffId)> layers)
    {
        Manifest = manifest;
        Layers = layers;
    }

    public Descriptor Manifest { get; }

    public ImmutableArray<(Descriptor Blob, Digest DiffId)> Layers { get; }

    public static LayeredImage Add(MemoryContent content, params byte[][] tars)
    {
        ImmutableArray<(Descriptor Blob, Digest DiffId)> layers =
            [.. tars.Select(tar => (content.Add(MediaTypes.OciLayerGzip, Gzip(tar)), Digest.Of(tar)))];
        Descriptor config = content.Add(MediaTypes.OciConfig, new ImageConfig
        {
            Os = "linux",
            Architecture = "amd64",
            RootFs = new RootFs { Type = "layers", DiffIds = [.. layers.Select(layer => layer.DiffId)] },
        }.ToJson());
        Descriptor manifest = content.Add(MediaTypes.OciManifest, new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = config,
            Layers = [.. layers.Select(layer => layer.Blob)],
        }.ToJson());
        return new LayeredImage(manifest, layers);
    }

    public static byte[] Gzip(byte[] tar)
    {
        using var result = new MemoryStream();
        using (var gzip = new GZipStream(result, CompressionLevel.Fastest))
        {
            gzip.Write(tar);
        }

        return result.ToArray();
    }

    /// <summary>Pulls the image, layers unpacked, and names it.</summary>
    public async Task PullAsync(ImageStore store, IContentSource source, string name, CancellationToken cancellationToken)
    {
        await using StoreLease lease = await store.LeaseAsync("pull", cancellationToken);
        using var copy = new ContentCopy(source, lease, new ContentCopyOptions
        {
            Transfer = async (blob, token) => await lease.FetchLayerAsync(
                source, blob, Layers.First(layer => layer.Blob.Digest == blob.Digest).DiffId, null, token),
        }, progress: null);
        await copy.CopyAsync(Manifest, cancellationToken);
        await lease.CommitImageAsync(Manifest, ImageReference.Parse(name), "pull", cancellationToken);
    }
}
