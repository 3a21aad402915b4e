using Mica.Layers;
using Mica.Oci;
using Mica.Registry;
using Mica.Store;

namespace Mica.Engine;

/// <summary>One push: choose what of the image goes, compress anew where that was asked for, copy, and name it there.</summary>
internal sealed class ImagePush(Engine engine, IProgress<ProgressEvent>? progress)
{
    public async Task<PushResult> RunAsync(ImageReference reference, PushOptions options, CancellationToken cancellationToken)
    {
        if (reference.Tag is null)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"cannot push {reference.Familiar}: a digest reference; push a tag");
        }

        StoredImage image = await engine.Store.FindAsync(reference.ToString(), cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, $"An image does not exist locally with the tag: {reference.FamiliarName}");
        await using StoreLease lease = await engine.Store.LeaseAsync($"push {reference.Familiar}", cancellationToken);
        await lease.HoldAsync(image.Root.Digest, cancellationToken);

        Descriptor chosen = Choose(image, options.Platform, reference), root = chosen;
        // What was copied or pulled goes on as it is; what was built or loaded here leaves compressed.
        if (options.Compression is not null
            || (!options.KeepsLayers && await engine.Store.WasMadeHereAsync(image.Root.Digest, cancellationToken)))
        {
            root = await new LayerRecompression(
                engine.Store, lease, options.Compression ?? LayerCompression.Gzip, Path.Join(engine.Options.Root, "ingest"), progress)
            {
                OnlyUncompressed = options.Compression is null,
            }.RunAsync(root, cancellationToken);
        }

        return await SendAsync(lease, image, chosen, root, reference, cancellationToken);
    }

    /// <summary>
    /// Sends <paramref name="root"/>, which is held by <paramref name="lease"/>, and names it. It is <paramref name="chosen"/> of the
    /// image, or was made of that by compressing layers.
    /// </summary>
    public async Task<PushResult> SendAsync(
        StoreLease lease, StoredImage image, Descriptor chosen, Descriptor root, ImageReference reference, CancellationToken cancellationToken)
    {
        RegistryRepository target = engine.Registry.Repository(reference, progress);
        IReadOnlyDictionary<Digest, string> mounts = await MountsAsync(image, reference, cancellationToken);
        using var copy = new ContentCopy(lease, target, new ContentCopyOptions
        {
            Concurrency = engine.Options.Concurrency,
            MountFrom = blob => mounts.GetValueOrDefault(blob.Digest),
        }, progress);
        await copy.CopyAsync(root, cancellationToken);
        await target.TagAsync(root, reference.Tag!, cancellationToken);

        if (root.Digest == image.Root.Digest)
        {
            await engine.Store.AddRepositoryDigestAsync(reference.Name, root.Digest, cancellationToken);
        }
        else if (root.Digest != chosen.Digest)
        {
            // The compressed form is kept, known by its digest, so that the next push has it.
            await lease.CommitImageAsync(root, reference.WithDigest(root.Digest), "push", cancellationToken);
        }

        await engine.Store.TouchAsync(image.Root.Digest, cancellationToken);
        return new PushResult(reference, root);
    }

    /// <summary>The whole of it when the whole is here; else the variant that is.</summary>
    private Descriptor Choose(StoredImage image, Platform? platform, ImageReference reference)
    {
        if (platform is not null)
        {
            return image.VariantFor(platform)?.Manifest
                ?? throw new MicaException(ErrorKind.NotFound,
                    $"image with reference {reference.Familiar} was found but does not provide the specified platform ({platform})");
        }

        if (!MediaTypes.IsIndex(image.Root.MediaType) || image.Variants.All(variant => variant.IsPresent || variant is { IsAttestation: true, IsComplete: true }))
        {
            return image.Root;
        }

        progress?.Report(new Notice(
            "Not all multiplatform-content is present and only the available single-platform image was pushed"));
        return image.Primary?.Manifest
            ?? throw new MicaException(ErrorKind.NotFound, $"{reference.Familiar}: none of its platforms is in the store");
    }

    /// <summary>For every layer a repository of the same registry that is known to hold it, other than the target itself.</summary>
    private async Task<IReadOnlyDictionary<Digest, string>> MountsAsync(
        StoredImage image, ImageReference reference, CancellationToken cancellationToken)
    {
        var mounts = new Dictionary<Digest, string>();
        foreach (ImageVariant variant in image.Variants.Where(variant => variant.IsPresent && variant.Id is not null))
        {
            ImageDetails details = await engine.Store.InspectAsync(variant.Manifest.Digest.ToString(), null, cancellationToken);
            foreach (ImageLayer layer in details.Layers)
            {
                IEnumerable<string> repositories = image.Repositories;
                foreach (Digest other in layer.SharedWith)
                {
                    repositories = repositories.Concat(
                        (await engine.Store.FindAsync(other.ToString(), cancellationToken))?.Repositories ?? []);
                }

                string? repository = repositories
                    .Select(ImageReference.Parse)
                    .FirstOrDefault(candidate => candidate.Domain == reference.Domain && candidate.Path != reference.Path)?.Path;
                if (repository is not null)
                {
                    mounts.TryAdd(layer.Blob.Digest, repository);
                }
            }
        }

        return mounts;
    }
}
