using System.Collections.Immutable;
using System.Security.Cryptography;
using Mica.Build;
using Mica.Layers;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>
/// Makes an image whose layers are compressed in one way from one whose layers are compressed in another. The files, the
/// diffIDs and the config stay as they are; the layers' blobs, and so the manifest, get new digests.
/// </summary>
internal sealed class LayerRecompression(
    ImageStore store, StoreLease lease, LayerCompression compression, string scratchDirectory, IProgress<ProgressEvent>? progress)
{
    private readonly Dictionary<Digest, Descriptor> _done = [];

    /// <summary>Leaves layers alone that are compressed in any way.</summary>
    public bool OnlyUncompressed { get; init; }

    /// <summary>The manifest or index that stands for <paramref name="root"/>, in the store like everything below it.</summary>
    public async Task<Descriptor> RunAsync(Descriptor root, CancellationToken cancellationToken)
    {
        byte[] document = await lease.ReadDocumentAsync(root, cancellationToken);
        if (MediaTypes.IsIndex(root.MediaType))
        {
            ImageIndex index = ImageIndex.Parse(document, root.MediaType);
            return await lease.WriteDocumentAsync(MediaTypes.OciIndex,
                (index with { MediaType = MediaTypes.OciIndex, Manifests = await EntriesAsync(index, cancellationToken) }).ToJson(), cancellationToken);
        }

        ImageManifest manifest = ImageManifest.Parse(document, root.MediaType);
        ImmutableArray<Descriptor>.Builder layers = ImmutableArray.CreateBuilder<Descriptor>();
        foreach (Descriptor layer in manifest.Layers)
        {
            layers.Add(await RecompressAsync(layer, cancellationToken));
        }

        if (layers.Select(layer => layer.Digest).SequenceEqual(manifest.Layers.Select(layer => layer.Digest)))
        {
            return root;
        }

        // Docker's schema 2 has no media type for zstd, so what is written is an OCI manifest.
        ImageManifest changedManifest = manifest with
        {
            MediaType = MediaTypes.OciManifest,
            Config = manifest.ArtifactType is null ? manifest.Config with { MediaType = MediaTypes.OciConfig } : manifest.Config,
            Layers = layers.ToImmutable(),
        };
        return await lease.WriteDocumentAsync(MediaTypes.OciManifest, changedManifest.ToJson(), cancellationToken);
    }

    /// <summary>The images, made anew, and after that what is said about them, which has to name them as they are now.</summary>
    private async Task<ImmutableArray<Descriptor>> EntriesAsync(ImageIndex index, CancellationToken cancellationToken)
    {
        Descriptor[] entries = [.. index.Manifests];
        var images = new Dictionary<Digest, Digest>();
        for (int i = 0; i < entries.Length; i++)
        {
            if (entries[i].Platform is not { Os: "unknown" })
            {
                Descriptor changed = await RunAsync(entries[i], cancellationToken);
                images[entries[i].Digest] = changed.Digest;
                entries[i] = entries[i] with { Digest = changed.Digest, Size = changed.Size, MediaType = changed.MediaType };
            }
        }

        for (int i = 0; i < entries.Length; i++)
        {
            if (Attestation.SubjectOf(entries[i]) is { } subject && images.TryGetValue(subject, out Digest now) && now != subject)
            {
                entries[i] = await Attestation.RetargetAsync(lease, entries[i], subject, now, cancellationToken);
            }
        }

        return [.. entries];
    }

    private async Task<Descriptor> RecompressAsync(Descriptor layer, CancellationToken cancellationToken)
    {
        if (_done.TryGetValue(layer.Digest, out Descriptor? known))
        {
            return known;
        }

        if (OnlyUncompressed && layer.MediaType is not (MediaTypes.OciLayer or MediaTypes.DockerLayer))
        {
            return _done[layer.Digest] = layer;
        }

        string mediaType = compression == LayerCompression.Zstd ? MediaTypes.OciLayerZstd : MediaTypes.OciLayerGzip;
        if (layer.MediaType is MediaTypes.OciLayer or MediaTypes.DockerLayer
            && await store.FindLayerAsync(layer.Digest, mediaType, lease, cancellationToken) is { } compressed)
        {
            return _done[layer.Digest] = compressed;
        }

        await using Stream source = await lease.OpenAsync(layer, cancellationToken);
        await using Stream tar = LayerDecompressor.Open(source, out LayerCompression present);
        Descriptor result = present == compression
            ? layer with { MediaType = mediaType }
            : await CompressAsync(tar, mediaType, cancellationToken);
        return _done[layer.Digest] = result;
    }

    private async Task<Descriptor> CompressAsync(Stream tar, string mediaType, CancellationToken cancellationToken)
    {
        // The digest, which a blob is written under, is known at the end; a file without a name holds the bytes until then.
        await using FileStream scratch = CreateScratch();
        using (var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256))
        {
            await Task.Run(() =>
            {
                using var hashed = new HashingStream(scratch, hash);
                using Stream compressor = LayerCompressor.Open(hashed, compression, Environment.ProcessorCount);
                tar.CopyTo(compressor, 1 << 20);
            }, cancellationToken);
            var descriptor = new Descriptor
            {
                MediaType = mediaType,
                Digest = Digest.FromHash(Digest.Sha256, hash.GetCurrentHash()),
                Size = scratch.Length,
            };
            scratch.Position = 0;
            await lease.WriteAsync(descriptor, scratch, cancellationToken);
            progress?.Report(new Notice($"compressed a layer anew: {descriptor.Digest}, {descriptor.Size} bytes"));
            return descriptor;
        }
    }

    private FileStream CreateScratch()
    {
        string path = Path.Join(scratchDirectory, $"recompress-{Environment.ProcessId}-{_done.Count}");
        var file = new FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        File.Delete(path);
        return file;
    }
}
