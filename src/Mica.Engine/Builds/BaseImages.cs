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
    private readonly ConcurrentDictionary<(string Name, string Platform), Opened> _opened = [];

    /// <summary>The image, when the build has opened it.</summary>
    public Image? Find(ImageReference reference, Platform platform) => _opened.GetValueOrDefault(Key(reference, platform))?.Image;

    public async Task<(Image Image, bool IsComplete)> OpenAsync(
        ImageReference reference, Platform platform, bool pull, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        reference = reference.WithDefaultTag();
        Opened opened = (pull ? null : await FromStoreAsync(reference, platform, cancellationToken))
            ?? await FromRegistryAsync(reference, platform, progress, cancellationToken);
        _opened[Key(reference, platform)] = opened;
        return (opened.Image, opened.Source is null);
    }

    public async Task FetchAsync(ImageReference reference, Platform platform, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        (Image image, RegistryRepository? source) = _opened[Key(reference, platform)];
        if (source is null)
        {
            await HoldAsync(image, progress, cancellationToken);
            return;
        }

        await new ImageFetch(lease, engine.Options, progress).RunAsync(source, image, cancellationToken);
        reference = reference.WithDefaultTag();
        await lease.CommitImageAsync(image.Root, reference, "pull", cancellationToken);
        await engine.Store.AddRepositoryDigestAsync(reference.Name, image.Root.Digest, cancellationToken);
    }

    private static (string Name, string Platform) Key(ImageReference reference, Platform platform) =>
        (reference.WithDefaultTag().ToString(), platform.ToString());

    private async Task<Opened?> FromStoreAsync(ImageReference reference, Platform platform, CancellationToken cancellationToken)
    {
        if (await engine.Store.FindAsync(reference.ToString(), cancellationToken) is not { } stored || stored.VariantFor(platform) is not { } variant)
        {
            return null;
        }

        await lease.HoldAsync(stored.Root.Digest, cancellationToken);
        Image image = await Image.OpenAsync(lease, variant.Manifest, platform, cancellationToken);
        await engine.Store.TouchAsync(stored.Root.Digest, cancellationToken);
        return new Opened(image, null);
    }

    /// <summary>A layer that is unpacked already only becomes held.</summary>
    private async Task HoldAsync(Image image, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
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
    }

    private async Task<Opened> FromRegistryAsync(
        ImageReference reference, Platform platform, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        RegistryRepository source = engine.Registry.Repository(reference, progress);
        Descriptor root = await source.ResolveAsync(reference.Target, cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, $"{reference.Familiar}: not found");
        progress?.Report(new ReferenceResolved(reference.Familiar, root));
        return new Opened(await Image.OpenAsync(new StoredFirst(lease, source), root, platform, cancellationToken), source);
    }

    /// <summary>An image, and where its layers come from; null when they are in the store.</summary>
    private sealed record Opened(Image Image, RegistryRepository? Source);
}
