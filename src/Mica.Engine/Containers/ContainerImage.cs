using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>When the image of a container is pulled.</summary>
public enum ImagePullPolicy
{
    /// <summary>When it is not in the store.</summary>
    Missing,

    /// <summary>Always.</summary>
    Always,

    /// <summary>Never.</summary>
    Never,
}

/// <summary>Finds the image of a container, or pulls it; <paramref name="lease"/> holds it.</summary>
internal sealed class ContainerImage(Engine engine, StoreLease lease)
{
    public async Task<Image> OpenAsync(
        string name, string? platformText, ImagePullPolicy pull, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        Platform platform = platformText is null ? engine.Options.Platform : Platform.Parse(platformText);
        if (pull != ImagePullPolicy.Always && await FindAsync(name, platform, isExact: platformText is not null, cancellationToken) is { } found)
        {
            return found;
        }

        ImageReference reference = ImageReference.Parse(name).WithDefaultTag();
        if (pull == ImagePullPolicy.Never)
        {
            throw new MicaException(ErrorKind.NotFound, $"no such image: {reference.Familiar}");
        }

        if (pull == ImagePullPolicy.Missing)
        {
            progress?.Report(new Notice($"Unable to find image '{reference.Familiar}' locally"));
        }

        await engine.Images.PullAsync(reference, new PullOptions { Platform = platformText is null ? null : platform }, progress, cancellationToken);
        return await FindAsync(reference.ToString(), platform, isExact: true, cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, $"no such image: {reference.Familiar}");
    }

    private async Task<Image?> FindAsync(string name, Platform platform, bool isExact, CancellationToken cancellationToken)
    {
        if (await engine.Store.FindAsync(name, cancellationToken) is not { } stored
            || (stored.VariantFor(platform) ?? (isExact ? null : stored.Primary)) is not { } variant)
        {
            return null;
        }

        await lease.HoldAsync(stored.Root.Digest, cancellationToken);
        Image image = await Image.OpenAsync(lease, variant.Manifest, variant.Manifest.Platform ?? platform, cancellationToken);
        foreach ((Descriptor layer, Digest diffId) in image.Layers.DistinctBy(layer => layer.DiffId))
        {
            await lease.FetchLayerAsync(lease, layer, diffId, null, cancellationToken); // unpacks what is not yet
        }

        await engine.Store.TouchAsync(stored.Root.Digest, cancellationToken);
        return image;
    }
}
