using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Build;

/// <summary>Writes the config and the manifest of what was built.</summary>
internal static class ImageAssembly
{
    public static async Task<BuildResult> WriteAsync(BuildRun run, StageState state, CancellationToken cancellationToken)
    {
        await (state.Base?.BringBlobsAsync() ?? Task.CompletedTask);
        ImageConfig config = Config(run, state);
        if (run.Options.InlineCache is { } inline)
        {
            config = inline(config, state.Results, state.DiffIds);
        }

        Descriptor configDescriptor = await run.Lease.WriteDocumentAsync(MediaTypes.OciConfig, config.ToJson(), cancellationToken);
        var manifest = new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = configDescriptor,
            Layers = [.. state.Layers.Select(layer => layer.Layer with { MediaType = OciType(layer.Layer.MediaType), Annotations = null })],
            Annotations = run.Options.Annotations.IsEmpty ? null : run.Options.Annotations,
        };
        Descriptor descriptor = await run.Lease.WriteDocumentAsync(MediaTypes.OciManifest, manifest.ToJson(), cancellationToken);
        return new BuildResult(descriptor with { Platform = config.Platform }, configDescriptor, [.. state.DiffIds], run.Executed, run.Cached)
        {
            Results = state.Results,
            AllResults = [.. run.Results.DistinctBy(result => result.Key).OrderBy(result => result.Key.ToString(), StringComparer.Ordinal)],
        };
    }

    /// <summary>The config of an image of the state; the digest of its JSON is the image ID.</summary>
    public static ImageConfig Config(BuildRun run, StageState state)
    {
        DateTimeOffset created = run.Options.Epoch ?? state.LastChange ?? run.Time.GetUtcNow();
        ContainerConfig container = state.Container;
        if (!run.Options.Labels.IsEmpty)
        {
            container = container with
            {
                Labels = (container.Labels ?? ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal)).SetItems(run.Options.Labels),
            };
        }

        return state.Config with
        {
            Created = StageRun.Time(created),
            Config = container,
            Comment = null,
            DockerVersion = null,
            RootFs = new RootFs { Type = "layers", DiffIds = [.. state.DiffIds] },
            History = [.. state.History.Select(entry => entry.Created is null || run.Options.Epoch is not null && entry.Comment == "buildkit.dockerfile.v0"
                ? entry with { Created = StageRun.Time(created) }
                : entry)],
        };
    }

    /// <summary>The same bytes under the name that an OCI manifest has for them.</summary>
    private static string OciType(string mediaType) => mediaType switch
    {
        MediaTypes.DockerLayerGzip => MediaTypes.OciLayerGzip,
        MediaTypes.DockerLayerZstd => MediaTypes.OciLayerZstd,
        MediaTypes.DockerLayer => MediaTypes.OciLayer,
        _ => mediaType,
    };
}
