using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>
/// One pull: resolve, read the documents, fetch and unpack the layers in one pass each, and only then let the name stand for
/// the image. A pull that is stopped anywhere goes on where it stopped when it is repeated.
/// </summary>
internal sealed class ImagePull(ImageStore store, EngineOptions engine, IProgress<ProgressEvent>? progress)
{
    public async Task<PullResult> RunAsync(
        IResumableSource source, ImageReference reference, PullOptions options, CancellationToken cancellationToken)
    {
        Descriptor root = await source.ResolveAsync(reference.Target, cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, $"{reference.Familiar}: not found");
        progress?.Report(new ReferenceResolved(reference.Familiar, root));

        await using StoreLease lease = await store.LeaseAsync($"pull {reference.Familiar}", cancellationToken);
        var fetch = new ImageFetch(lease, engine, progress);
        bool fetched = false;
        foreach (Image image in await OpenImagesAsync(new StoredFirst(lease, source), root, reference, options, cancellationToken))
        {
            fetched |= await fetch.RunAsync(source, image, cancellationToken);
        }

        NameMove? move = await lease.CommitImageAsync(root, reference, "pull", cancellationToken);
        await store.AddRepositoryDigestAsync(reference.Name, root.Digest, cancellationToken);
        return new PullResult(reference, root, fetched || move is { IsUnchanged: false });
    }

    private async Task<IReadOnlyList<Image>> OpenImagesAsync(
        IContentSource source, Descriptor root, ImageReference reference, PullOptions options, CancellationToken cancellationToken)
    {
        if (!options.AllPlatforms || !MediaTypes.IsIndex(root.MediaType))
        {
            Image image = await Image.OpenAsync(source, root, options.Platform ?? engine.Platform, cancellationToken);
            RefuseOtherPlatform(image, reference, options.Platform);
            return [image];
        }

        return await ImageFetch.OpenAllAsync(source, root, _ => ValueTask.FromResult(true), cancellationToken);
    }

    private void RefuseOtherPlatform(Image image, ImageReference reference, Platform? wanted)
    {
        Platform own = image.Config.Platform;
        if (image.Index is not null || own.Os.Length == 0 || (wanted ?? engine.Platform).Rank(own) > 0)
        {
            return;
        }

        if (wanted is not null)
        {
            throw new MicaException(ErrorKind.NotFound,
                $"image with reference {reference.Familiar} was found but its platform ({Printable.Of(own.ToString())}) does not match the specified platform ({wanted})");
        }

        progress?.Report(new Notice(
            $"the image's platform ({Printable.Of(own.ToString())}) does not match the host platform ({engine.Platform}) and no specific platform was requested"));
    }
}
