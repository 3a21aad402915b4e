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
    private readonly ConcurrentDictionary<string, OciLayout> _layouts = [];

    /// <summary>Opens an image of a layout, which a build knows by the reference that comes back.</summary>
    public async Task<ImageReference> AddLayoutAsync(LayoutBuildContext context, CancellationToken cancellationToken)
    {
        OciLayout layout = await OciLayout.OpenAsync(context.Directory, cancellationToken);
        Descriptor root = await layout.ResolveAsync(context.Reference, cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, $"oci-layout://{Printable.Of(context.Directory)}: {Printable.Of(context.Reference)}: not found");
        var reference = ImageReference.Parse($"oci-layout.invalid/{root.Digest.Hex[..12]}@{root.Digest}");
        _layouts[reference.ToString()] = layout;
        return reference;
    }

    /// <summary>The image, when the build has opened it.</summary>
    public Image? Find(ImageReference reference, Platform platform) => _opened.GetValueOrDefault(Key(reference, platform))?.Image;

    public async Task<(Image Image, bool IsComplete)> OpenAsync(
        ImageReference reference, Platform platform, bool pull, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        reference = reference.WithDefaultTag();
        if (_layouts.TryGetValue(reference.ToString(), out OciLayout? layout) && await layout.ResolveAsync(reference.Target, cancellationToken) is { } root)
        {
            Image found = await Image.OpenAsync(new StoredFirst(lease, layout), root, platform, cancellationToken);
            _opened[Key(reference, platform)] = new Opened(found, layout);
            return (found, false);
        }

        Opened opened = (pull ? null : await FromStoreAsync(reference, platform, cancellationToken))
            ?? await FromRegistryAsync(reference, platform, progress, cancellationToken);
        _opened[Key(reference, platform)] = opened;
        return (opened.Image, opened.Source is null);
    }

    public async Task FetchAsync(ImageReference reference, Platform platform, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        (Image image, IResumableSource? source) = _opened[Key(reference, platform)];
        if (source is null)
        {
            await HoldAsync(image, progress, cancellationToken);
            return;
        }

        await new ImageFetch(lease, engine.Options, progress).RunAsync(source, image, cancellationToken);
        reference = reference.WithDefaultTag();
        if (source is OciLayout)
        {
            return; // it has no name in the store, and goes when nothing built of it needs it
        }

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
    private sealed record Opened(Image Image, IResumableSource? Source);
}
