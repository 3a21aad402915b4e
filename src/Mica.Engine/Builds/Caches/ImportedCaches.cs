using System.Text;
using System.Text.Json;
using Mica.Build;
using Mica.Oci;
using Mica.Registry;
using Mica.Store;

namespace Mica.Engine;

/// <summary>
/// The caches that a build may take results from. Their lists of results are read when the build begins; a layer comes when
/// its result is needed. What is not there, or damaged, is told and is no error: the step is executed then.
/// </summary>
internal sealed class ImportedCaches : IImportedResults
{
    private readonly Dictionary<Digest, Found> _results = [];
    private readonly StoreLease _lease;
    private readonly Lock _gate = new();

    private ImportedCaches(StoreLease lease) => _lease = lease;

    /// <summary>Reads the lists of all of them, at once.</summary>
    public static async Task<ImportedCaches?> OpenAsync(
        Engine engine, StoreLease lease, ImageBuildOptions options, Platform platform, BuildSteps steps, CancellationToken cancellationToken)
    {
        if (options.CacheFrom.IsEmpty)
        {
            return null;
        }

        var caches = new ImportedCaches(lease);
        await Task.WhenAll(options.CacheFrom.Select(source => steps.RunAsync($"importing cache manifest from {Name(source)}", async (transfers, tell) =>
        {
            try
            {
                await caches.ReadAsync(engine, source, platform, transfers, cancellationToken);
            }
            catch (MicaException failure)
            {
                tell($"no cache from {Name(source)}: {failure.Message}");
            }

            return true;
        })));
        return caches;
    }

    public async Task<ImportedResult?> FindAsync(Digest key, string slot, IProgress<ProgressEvent> progress, CancellationToken cancellationToken)
    {
        if (!_results.TryGetValue(key, out Found? found))
        {
            return null;
        }

        Descriptor? layer = found.Layer;
        if (layer is not null)
        {
            try
            {
                await _lease.FetchLayerAsync(found.Content, layer, found.Result.DiffId!.Value, progress, cancellationToken);
            }
            catch (MicaException failure)
            {
                progress.Report(new Notice($"no result from {found.Origin}: {failure.Message}"));
                return null;
            }
        }

        return new ImportedResult(new BuildRecord
        {
            Key = found.Result.Key,
            Slot = slot,
            Description = Printable.Of(found.Result.Description),
            Inputs = "",
            Layer = layer,
            DiffId = found.Result.DiffId,
            Created = found.Result.Created,
        }, found.Origin);
    }

    private static string Name(CacheSource source) => source is RegistryCacheSource registry ? registry.Reference.WithDefaultTag().ToString() : ((LocalCacheSource)source).Directory;

    private async Task ReadAsync(Engine engine, CacheSource source, Platform platform, IProgress<ProgressEvent> progress, CancellationToken cancellationToken)
    {
        IResumableSource content;
        Descriptor root;
        if (source is RegistryCacheSource(var named))
        {
            ImageReference reference = named.WithDefaultTag();
            RegistryRepository repository = engine.Registry.Repository(reference, progress);
            (content, root) = (repository, await repository.ResolveAsync(reference.Target, cancellationToken) ?? throw new MicaException(ErrorKind.NotFound, "not found"));
        }
        else
        {
            var local = (LocalCacheSource)source;
            OciLayout layout = await OciLayout.OpenAsync(local.Directory, cancellationToken);
            (content, root) = (layout, await layout.ResolveAsync(local.Tag, cancellationToken) ?? throw new MicaException(ErrorKind.NotFound, "not found"));
        }

        if (MediaTypes.IsIndex(root.MediaType))
        {
            Image image = await Image.OpenAsync(content, root, platform, cancellationToken);
            AddImage(content, Name(source), image.Manifest, image.Config);
            return;
        }

        ImageManifest manifest = ImageManifest.Parse(await content.ReadDocumentAsync(root, cancellationToken), root.MediaType);
        byte[] config = await content.ReadDocumentAsync(manifest.Config, cancellationToken);
        if (manifest.Config.MediaType == CacheDocument.MediaType)
        {
            Add(content, Name(source), CacheDocument.Parse(config, manifest.Layers.Length), manifest);
        }
        else
        {
            AddImage(content, Name(source), manifest, ImageConfig.Parse(config));
        }
    }

    private void AddImage(IResumableSource content, string origin, ImageManifest manifest, ImageConfig config)
    {
        if (config.BuildCache is not { ValueKind: JsonValueKind.Object } member)
        {
            throw new MicaException(ErrorKind.NotFound, "the image has no cache inside");
        }

        CacheDocument document = CacheDocument.Parse(Encoding.UTF8.GetBytes(member.GetRawText()), manifest.Layers.Length);
        if (document.Results.Any(result => result.Layer is { } layer && config.RootFs.DiffIds[layer] != result.DiffId))
        {
            throw new MicaException(ErrorKind.ContentMismatch, "build cache: its layers are not those of the image");
        }

        Add(content, origin, document, manifest);
    }

    private void Add(IResumableSource content, string origin, CacheDocument document, ImageManifest manifest)
    {
        lock (_gate)
        {
            foreach (CachedResult result in document.Results)
            {
                var found = new Found(content, origin, result, result.Layer is { } layer ? manifest.Layers[layer] : null);
                _results.TryAdd(result.Key, found);
                if (result.Alias is { } alias)
                {
                    _results.TryAdd(alias, found);
                }
            }
        }
    }

    private sealed record Found(IResumableSource Content, string Origin, CachedResult Result, Descriptor? Layer);
}
