using Mica.Oci;
using Mica.Registry;
using Mica.Store;

namespace Mica.Engine;

/// <summary>A location that was opened for reading, and the image in it that was meant.</summary>
internal sealed class OpenedImage : IAsyncDisposable
{
    private readonly Func<Descriptor, ValueTask<bool>>? _has;
    private readonly IAsyncDisposable? _held;
    private readonly IDisposable? _file;

    private OpenedImage(
        IResumableSource source, Descriptor root, Func<Descriptor, ValueTask<bool>>? has, IAsyncDisposable? held = null, IDisposable? file = null)
    {
        Source = source;
        Root = root;
        _has = has;
        _held = held;
        _file = file;
    }

    public IResumableSource Source { get; }

    public Descriptor Root { get; }

    /// <summary>Whether the source holds the manifest; a registry holds all that its indexes name.</summary>
    public ValueTask<bool> HasAsync(Descriptor manifest) => _has?.Invoke(manifest) ?? ValueTask.FromResult(true);

    public static async Task<OpenedImage> OpenAsync(
        Engine engine, ImageLocation location, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        switch (location)
        {
            case RegistryLocation(var named):
                ImageReference reference = named.WithDefaultTag();
                RegistryRepository repository = engine.Registry.Repository(reference, progress);
                Descriptor? resolved = await repository.ResolveAsync(reference.Target, cancellationToken);
                return new OpenedImage(repository, resolved ?? throw NotFound(location), null);
            case OciLayoutLocation(var path, var name):
                OciLayout layout = await OciLayout.OpenAsync(path, cancellationToken);
                return new OpenedImage(layout, await FindAsync(layout, name, location, cancellationToken),
                    manifest => layout.ExistsAsync(manifest, cancellationToken));
            case DirectoryLocation(var path):
                DirectoryImage directory = await DirectoryImage.OpenAsync(path, cancellationToken);
                return new OpenedImage(directory, await directory.ResolveOnlyAsync(cancellationToken),
                    manifest => directory.ExistsAsync(manifest, cancellationToken));
            case OciArchiveLocation(var path, var name):
                return await OpenArchiveAsync(engine, path, name, location, cancellationToken);
            case DockerArchiveLocation(var path, var name):
                return await OpenArchiveAsync(engine, path, name, location, cancellationToken);
            case StoreLocation(var name):
                StoredImage image = await engine.Store.FindAsync(name, cancellationToken) ?? throw NotFound(location);
                StoreLease lease = await engine.Store.LeaseAsync($"copy {Printable.Of(name)}", cancellationToken);
                await lease.HoldAsync(image.Root.Digest, cancellationToken);
                return new OpenedImage(lease, image.Root, manifest => lease.ExistsAsync(manifest, cancellationToken), lease);
            default:
                throw new MicaException(ErrorKind.Unsupported, $"{location}: cannot be read");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _file?.Dispose();
        if (_held is not null)
        {
            await _held.DisposeAsync();
        }
    }

    private static async Task<OpenedImage> OpenArchiveAsync(
        Engine engine, string path, string? name, ImageLocation location, CancellationToken cancellationToken)
    {
        ImageArchive archive = await ImageArchive.OpenAsync(path, engine.Images.ArchiveOptions, cancellationToken);
        try
        {
            return new OpenedImage(archive, await FindAsync(archive, name, location, cancellationToken),
                manifest => ValueTask.FromResult(archive.Contains(manifest.Digest)), file: archive);
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    private static async Task<Descriptor> FindAsync(
        IImageListing listing, string? name, ImageLocation location, CancellationToken cancellationToken) =>
        name is null
            ? await listing.ResolveOnlyAsync(cancellationToken)
            : await listing.ResolveAsync(name, cancellationToken) ?? throw NotFound(location);

    private static MicaException NotFound(ImageLocation location) =>
        new(ErrorKind.NotFound, $"{Printable.Of(location.ToString())}: not found");
}
