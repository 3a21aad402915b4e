using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Mica.Build;
using Mica.Oci;
using Mica.Registry;
using Mica.Store;

namespace Mica.Engine;

/// <summary>
/// Moves images between registries, the store, layouts and archives. Each operation is one copy between two ends; whatever
/// stops it, what was there before is intact, and repeating it goes on where it stopped.
/// </summary>
public sealed class Images
{
    private readonly Engine _engine;

    internal Images(Engine engine) => _engine = engine;

    /// <summary>
    /// Fetches and unpacks the image, and makes <paramref name="reference"/> (<c>latest</c> when it says nothing) stand for it.
    /// </summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.NotFound"/>: no such image, or not for the platform. <see cref="ErrorKind.ContentMismatch"/>: wrong
    /// bytes. <see cref="RegistryException"/>: what the registry said.
    /// </exception>
    public async Task<PullResult> PullAsync(
        ImageReference reference, PullOptions options, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        reference = reference.WithDefaultTag();
        RegistryRepository source = _engine.Registry.Repository(reference, progress);
        return await new ImagePull(_engine.Store, _engine.Options, progress).RunAsync(source, reference, options, cancellationToken);
    }

    /// <summary>Pulls every tag of the repository. Stops at the first that fails; those before it are in the store.</summary>
    public async IAsyncEnumerable<PullResult> PullAllTagsAsync(
        ImageReference repository, PullOptions options, IProgress<ProgressEvent>? progress,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (string tag in _engine.Registry.Repository(repository, progress).TagsAsync(cancellationToken))
        {
            yield return await PullAsync(repository.WithTag(tag), options, progress, cancellationToken);
        }
    }

    /// <summary>
    /// Sends the image that <paramref name="reference"/> stands for in the store to the registry it names. What the registry
    /// has is not sent; what another of its repositories has is mounted.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: the store has no such image.</exception>
    public Task<PushResult> PushAsync(
        ImageReference reference, PushOptions options, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken) =>
        new ImagePush(_engine, progress).RunAsync(reference.WithDefaultTag(), options, cancellationToken);

    /// <summary>Pushes every tag that the repository has in the store, in their order.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: it has none.</exception>
    public async IAsyncEnumerable<PushResult> PushAllTagsAsync(
        ImageReference repository, PushOptions options, IProgress<ProgressEvent>? progress,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ImageReference[] tags = [.. (await _engine.Store.ListAsync(cancellationToken))
            .SelectMany(image => image.Names)
            .Select(name => name.Reference)
            .Where(name => name.Name == repository.Name)
            .OrderBy(name => name.Tag, StringComparer.Ordinal)];
        if (tags.Length == 0)
        {
            throw new MicaException(ErrorKind.NotFound, $"An image does not exist locally with the tag: {repository.FamiliarName}");
        }

        foreach (ImageReference tag in tags)
        {
            yield return await PushAsync(tag, options, progress, cancellationToken);
        }
    }

    /// <summary>The documents of an image at its registry; nothing is stored.</summary>
    public async Task<Image> OpenRemoteAsync(
        ImageReference reference, Platform? platform, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        reference = reference.WithDefaultTag();
        RegistryRepository source = _engine.Registry.Repository(reference, progress);
        Descriptor root = await source.ResolveAsync(reference.Target, cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, $"{reference.Familiar}: not found in {reference.Domain}");
        return await Image.OpenAsync(source, root, platform ?? _engine.Options.Platform, cancellationToken);
    }

    /// <summary>
    /// Writes images of the store to an archive that <c>docker load</c> reads. Each of <paramref name="images"/> is a name (with
    /// which it is loaded again), a repository (all its tags), or an ID (without a name).
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: no such image.</exception>
    public async Task SaveAsync(
        IReadOnlyList<string> images, SaveOptions options, Stream output, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        await using ImageSave save = await ImageSave.OpenAsync(_engine, images, options, progress, cancellationToken);
        await save.Writer.WriteAsync(save.Images, output, cancellationToken);
    }

    /// <summary>As <see cref="SaveAsync"/>, to a file that appears when it is whole.</summary>
    public async Task SaveFileAsync(
        IReadOnlyList<string> images, SaveOptions options, string path, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        await using ImageSave save = await ImageSave.OpenAsync(_engine, images, options, progress, cancellationToken);
        await save.Writer.WriteFileAsync(save.Images, path, cancellationToken);
    }

    /// <summary>Makes an image of one layer of a tar with the files of a machine, such as an export of a container.</summary>
    /// <returns>The image's ID.</returns>
    public Task<Digest> ImportAsync(
        Stream tar, ImageReference? name, string message, Platform? platform, ImmutableArray<string> changes, CancellationToken cancellationToken) =>
        new ImageImport(_engine).RunAsync(tar, name, message, platform, changes, cancellationToken);

    /// <summary>The same of a tar on a web server.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>, <see cref="ErrorKind.Unavailable"/>: it cannot be fetched.</exception>
    public async Task<Digest> ImportAsync(
        Uri address, ImageReference? name, string message, Platform? platform, ImmutableArray<string> changes, CancellationToken cancellationToken)
    {
        await using WebDownload download = await WebDownload.OpenAsync(address, _engine.Options.Downloads, cancellationToken);
        return await ImportAsync(download.Content, name, message, platform, changes, cancellationToken);
    }

    /// <summary>Brings every image of an archive into the store, with the names it has there.</summary>
    public async Task<ImmutableArray<LoadedImage>> LoadAsync(
        ImageArchive archive, Platform? platform, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        ImmutableArray<LoadedImage>.Builder loaded = ImmutableArray.CreateBuilder<LoadedImage>();
        foreach (ListedImage listed in await archive.ListAsync(cancellationToken))
        {
            ValueTask<bool> Has(Descriptor manifest) => ValueTask.FromResult(archive.Contains(manifest.Digest)
                && (platform is null || manifest.Platform is null || platform.Rank(manifest.Platform) > 0));
            Digest id = Digest.Of([]);
            IEnumerable<ImageReference?> names = listed.References.IsEmpty ? new ImageReference?[] { null } : listed.References;
            foreach (ImageReference? name in names)
            {
                id = await StoreAsync(archive, listed.Descriptor, Has, name, "load", progress, cancellationToken);
            }

            loaded.Add(new LoadedImage(id, listed.References));
        }

        return loaded.ToImmutable();
    }

    /// <summary>Copies an image, or an artifact, between two places of any kind. Returns what was copied.</summary>
    public Task<Descriptor> CopyAsync(
        ImageLocation from, ImageLocation to, CopyOptions options, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken) =>
        new ImageCopy(_engine, options, progress).RunAsync(from, to, cancellationToken);

    /// <summary>How archives are read here.</summary>
    public ImageArchiveOptions ArchiveOptions => new(Path.Join(_engine.Options.Root, "ingest"));

    /// <summary>Brings what <paramref name="has"/> finds of an image into the store and names it. Returns the image's ID.</summary>
    internal async Task<Digest> StoreAsync(
        IResumableSource source, Descriptor root, Func<Descriptor, ValueTask<bool>> has, ImageReference? name, string cause,
        IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        await using StoreLease lease = await _engine.Store.LeaseAsync($"{cause} {name?.Familiar ?? root.Digest.ToString()}", cancellationToken);
        IReadOnlyList<Image> images = await ImageFetch.OpenAllAsync(source, root, has, cancellationToken);
        if (images.Count == 0)
        {
            throw new MicaException(ErrorKind.NotFound, $"{name?.Familiar ?? root.Digest.ToString()}: no matching manifest in the manifest list entries");
        }

        var fetch = new ImageFetch(lease, _engine.Options, progress);
        foreach (Image image in images)
        {
            await fetch.RunAsync(source, image, cancellationToken);
        }

        await fetch.AttestationsAsync(source, root, has, cancellationToken);
        await lease.CommitImageAsync(root, name, cause, cancellationToken);
        StoredImage? stored = await _engine.Store.FindAsync(root.Digest.ToString(), cancellationToken);
        return stored?.Id ?? images[0].Id;
    }
}
