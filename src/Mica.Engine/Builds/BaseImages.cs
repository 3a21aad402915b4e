using System.Collections.Concurrent;
using Mica.Build;
using Mica.Oci;
using Mica.Registry;
using Mica.Store;

namespace Mica.Engine;

/// <summary>
/// The images that a build begins with: of the store when they are there, else from their registries, and under their names
/// in the store from then on. <paramref name="lease"/> holds them.
/// </summary>
internal sealed class BaseImages(Engine engine, StoreLease lease) : IBaseImages
{
    private readonly ConcurrentDictionary<(string Name, string Platform), Image> _opened = [];

    /// <summary>The image, when the build has opened it.</summary>
    public Image? Find(ImageReference reference, Platform platform) => _opened.GetValueOrDefault((reference.WithDefaultTag().ToString(), platform.ToString()));

    public async Task<Image> OpenAsync(
        ImageReference reference, Platform platform, bool pull, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        reference = reference.WithDefaultTag();
        Image image = (pull ? null : await FromStoreAsync(reference, platform, progress, cancellationToken))
            ?? await FromRegistryAsync(reference, platform, progress, cancellationToken);
        _opened[(reference.ToString(), platform.ToString())] = image;
        return image;
    }

    private async Task<Image?> FromStoreAsync(
        ImageReference reference, Platform platform, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        if (await engine.Store.FindAsync(reference.ToString(), cancellationToken) is not { } stored || stored.VariantFor(platform) is not { } variant)
        {
            return null;
        }

        await lease.HoldAsync(stored.Root.Digest, cancellationToken);
        Image image = await Image.OpenAsync(lease, variant.Manifest, platform, cancellationToken);
        await engine.Store.TouchAsync(stored.Root.Digest, cancellationToken);

        // A layer that is unpacked already only becomes held.
        using var slots = new SemaphoreSlim(engine.Options.Concurrency);
        await Task.WhenAll(image.Layers.DistinctBy(layer => layer.DiffId).Select(async layer =>
        {
            await slots.WaitAsync(cancellationToken);
            try
            {
                await lease.FetchLayerAsync(lease, layer.Layer, layer.DiffId, progress, cancellationToken);
            }
            finally
            {
                slots.Release();
            }
        }));
        return image;
    }

    private async Task<Image> FromRegistryAsync(
        ImageReference reference, Platform platform, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        RegistryRepository source = engine.Registry.Repository(reference, progress);
        Descriptor root = await source.ResolveAsync(reference.Target, cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, $"{reference.Familiar}: not found");
        progress?.Report(new ReferenceResolved(reference.Familiar, root));
        Image image = await Image.OpenAsync(new StoredFirst(lease, source), root, platform, cancellationToken);
        await new ImageFetch(lease, engine.Options, progress).RunAsync(source, image, cancellationToken);
        await lease.CommitImageAsync(root, reference, "pull", cancellationToken);
        await engine.Store.AddRepositoryDigestAsync(reference.Name, root.Digest, cancellationToken);
        return image;
    }
}
