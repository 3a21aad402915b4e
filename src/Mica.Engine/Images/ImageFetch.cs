using Mica.Build;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>
/// Brings images from any source into the store, each layer in one streaming pass from its bytes to its files. What is fetched
/// is held by the lease; giving it a name is the caller's.
/// </summary>
internal sealed class ImageFetch(StoreLease lease, EngineOptions engine, IProgress<ProgressEvent>? progress)
{
    /// <summary>Fetches everything of one image that is not here. True when something was not.</summary>
    public async Task<bool> RunAsync(IResumableSource source, Image image, CancellationToken cancellationToken)
    {
        bool fetched = false;
        ILookup<Digest, Digest> diffIds = image.Layers.ToLookup(layer => layer.Layer.Digest, layer => layer.DiffId);
        using var copy = new ContentCopy(source, lease, new ContentCopyOptions
        {
            Concurrency = engine.Concurrency,
            Known = image.Document,
            Include = (parent, child) => !MediaTypes.IsIndex(parent.MediaType) || image.Document(child) is not null,
            Transfer = async (layer, token) =>
            {
                FetchedLayer result = await lease.FetchLayerAsync(source, layer, diffIds[layer.Digest].First(), progress, token);
                if (!result.Existed)
                {
                    fetched = true;
                }
            },
        }, progress);
        await copy.CopyAsync(image.Root, cancellationToken);
        return fetched;
    }

    /// <summary>Fetches what is said about the images of an index, as far as <paramref name="has"/> finds it.</summary>
    public async Task AttestationsAsync(
        IContentSource source, Descriptor root, Func<Descriptor, ValueTask<bool>> has, CancellationToken cancellationToken)
    {
        if (!MediaTypes.IsIndex(root.MediaType))
        {
            return;
        }

        using var copy = new ContentCopy(source, lease, new ContentCopyOptions { Concurrency = engine.Concurrency }, progress);
        var index = ImageIndex.Parse(await lease.ReadDocumentAsync(root, cancellationToken), root.MediaType);
        foreach (Descriptor entry in index.Manifests.Where(entry => Attestation.SubjectOf(entry) is not null && MediaTypes.IsManifest(entry.MediaType)))
        {
            if (await has(entry))
            {
                await copy.CopyAsync(entry, cancellationToken);
            }
        }
    }

    /// <summary>The images below <paramref name="root"/> whose manifests <paramref name="has"/> finds: one, or one for each platform of an index.</summary>
    public static async Task<IReadOnlyList<Image>> OpenAllAsync(
        IContentSource source, Descriptor root, Func<Descriptor, ValueTask<bool>> has, CancellationToken cancellationToken)
    {
        if (!MediaTypes.IsIndex(root.MediaType))
        {
            return [await Image.OpenAsync(source, root, Platform.Current, cancellationToken)];
        }

        var images = new List<Image>();
        ImageIndex index = ImageIndex.Parse(await source.ReadDocumentAsync(root, cancellationToken), root.MediaType);
        foreach (Descriptor entry in index.Manifests.Where(entry => entry.Platform is { Os: not "unknown" }))
        {
            if (await has(entry))
            {
                images.Add(await Image.OpenAsync(source, root, entry.Platform!, cancellationToken));
            }
        }

        return images;
    }
}
