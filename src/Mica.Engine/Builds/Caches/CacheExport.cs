using System.Collections.Immutable;
using System.Text.Json;
using Mica.Oci;
using Mica.Registry;
using Mica.Store;

namespace Mica.Engine;

/// <summary>Writes the results of a build where other machines find them.</summary>
internal sealed class CacheExport(Engine engine, StoreLease lease, BuildSteps steps)
{
    /// <summary>Puts the results that led to an image into its config.</summary>
    public static ImageConfig Inline(ImageConfig config, ImmutableArray<BuildRecord> results, IReadOnlyList<Digest> diffIds)
    {
        using var document = JsonDocument.Parse(CacheDocument.Of(results, diffIds).ToJson());
        return config with { BuildCache = document.RootElement.Clone() };
    }

    public async Task RunAsync(ImmutableArray<CacheTarget> targets, ImmutableArray<BuiltPlatform> built, CancellationToken cancellationToken)
    {
        foreach (CacheTarget target in targets.Where(target => target is not InlineCacheTarget))
        {
            BuildRecord[] results = [.. built.SelectMany(one => target.HasAllStages ? one.Result.AllResults : one.Result.Results).DistinctBy(result => result.Key)];
            string name = target is RegistryCacheTarget(var reference) ? $"registry {reference.WithDefaultTag()}" : "client directory";
            await steps.RunAsync($"exporting cache to {name}", async (transfers, tell) =>
            {
                try
                {
                    await WriteAsync(target, results, transfers, cancellationToken);
                }
                catch (MicaException failure) when (target.IgnoresErrors)
                {
                    tell($"the cache was not exported: {failure.Message}");
                }

                return true;
            });
        }
    }

    private async Task WriteAsync(CacheTarget target, BuildRecord[] results, IProgress<ProgressEvent> progress, CancellationToken cancellationToken)
    {
        BuildRecord[] layers = [.. results.Where(result => result.DiffId is not null).DistinctBy(result => result.DiffId)];
        byte[] config = CacheDocument.Of(results, [.. layers.Select(result => result.DiffId!.Value)]).ToJson();
        var manifest = new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            ArtifactType = CacheDocument.ArtifactType,
            Config = await lease.WriteDocumentAsync(CacheDocument.MediaType, config, cancellationToken),
            Layers = [.. layers.Select(result => result.Layer!)],
        };
        Descriptor whole = await lease.WriteDocumentAsync(MediaTypes.OciManifest, manifest.ToJson(), cancellationToken);
        Descriptor root = await new LayerRecompression(engine.Store, lease, target.Compression, Path.Join(engine.Options.Root, "ingest"), progress)
        {
            OnlyUncompressed = true,
        }.RunAsync(whole, cancellationToken);
        if (target is RegistryCacheTarget(var named))
        {
            ImageReference reference = named.WithDefaultTag();
            RegistryRepository repository = engine.Registry.Repository(reference, progress);
            using var copy = new ContentCopy(lease, repository, new ContentCopyOptions { Concurrency = engine.Options.Concurrency }, progress);
            await copy.CopyAsync(root, cancellationToken);
            await repository.TagAsync(root, reference.Tag!, cancellationToken);
            return;
        }

        var local = (LocalCacheTarget)target;
        OciLayout layout = await OciLayout.CreateAsync(local.Directory, cancellationToken);
        using var into = new ContentCopy(lease, layout, new ContentCopyOptions { Concurrency = engine.Options.Concurrency }, progress);
        await into.CopyAsync(root, cancellationToken);
        await layout.TagAsync(root, local.Tag, cancellationToken);
        await layout.RemoveUnnamedAsync(cancellationToken);
    }
}
