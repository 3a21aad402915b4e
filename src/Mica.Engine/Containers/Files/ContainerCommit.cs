using System.Collections.Immutable;
using Mica.Build;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>What an image that is made of a container says of itself.</summary>
public sealed record CommitOptions
{
    /// <summary>Its name; null: none.</summary>
    public ImageReference? Name { get; init; }

    /// <summary>Who made it.</summary>
    public string? Author { get; init; }

    /// <summary>For its history.</summary>
    public string? Message { get; init; }

    /// <summary>Instructions of a Dockerfile that change its config.</summary>
    public ImmutableArray<string> Changes { get; init; } = [];

    /// <summary>A running container stands still meanwhile.</summary>
    public bool Pauses { get; init; } = true;
}

/// <summary>Makes an image of a container: the layers of its own, and one of what the container changed.</summary>
internal sealed class ContainerCommit(Engine engine, Container container)
{
    public async Task<Digest> RunAsync(CommitOptions options, CancellationToken cancellationToken)
    {
        await using StoreLease lease = await engine.Store.LeaseAsync("commit", cancellationToken);
        Digest manifest = container.Definition.Manifest!.Value;
        await lease.HoldAsync(manifest, cancellationToken);
        Image image = await Image.OpenAsync(
            lease, await engine.Store.ResolveAsync(manifest.ToString(), cancellationToken) ?? throw new MicaException(ErrorKind.NotFound, $"{manifest}: not found"),
            engine.Options.Platform, cancellationToken);
        await using LayerWorkspace workspace = engine.Store.NewWorkspace(lease);
        CreatedLayer layer = await WriteLayerAsync(workspace, cancellationToken);
        DateTimeOffset now = engine.Options.Time.GetUtcNow();
        ImageConfig config = ImageChanges.Apply(ConfigOf(image.Config), options.Changes);
        string created = now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'00Z'", System.Globalization.CultureInfo.InvariantCulture);
        config = config with
        {
            Created = created,
            Author = options.Author ?? image.Config.Author,
            Comment = options.Message,
            RootFs = new RootFs { Type = "layers", DiffIds = [.. image.Config.RootFs.DiffIds, layer.DiffId] },
            History =
            [
                .. image.Config.History,
                new HistoryEntry { Created = created, Author = options.Author, CreatedBy = string.Join(' ', container.Definition.Arguments), Comment = options.Message },
            ],
        };
        Descriptor configDescriptor = await lease.WriteDocumentAsync(MediaTypes.OciConfig, config.ToJson(), cancellationToken);
        var document = new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = configDescriptor,
            Layers = [.. image.Manifest.Layers, layer.Descriptor],
        };
        Descriptor root = await lease.WriteDocumentAsync(MediaTypes.OciManifest, document.ToJson(), cancellationToken);
        await lease.CommitImageAsync(root, options.Name?.WithDefaultTag(), "commit", cancellationToken);
        return configDescriptor.Digest;
    }

    private async Task<CreatedLayer> WriteLayerAsync(LayerWorkspace workspace, CancellationToken cancellationToken)
    {
        ImmutableArray<string> trees = await engine.Store.TreesAsync(container.Definition.DiffIds, cancellationToken);
        return await workspace.AddArchiveAsync(archive =>
        {
            using LayerStack below = new([container.Files.Init, .. trees], LayerWorkspace.WhiteoutForm);
            using DirectoryHandle upper = DirectoryHandle.Open(container.Files.Upper);
            LayerDiffer.Write(upper, archive, new LayerDiffOptions { WhiteoutForm = LayerWorkspace.WhiteoutForm, IsInUse = true, Lower = below.Find }, cancellationToken);
        }, null, cancellationToken);
    }

    /// <summary>The image's config, with what the container was told to be.</summary>
    private ImageConfig ConfigOf(ImageConfig image)
    {
        ContainerDefinition definition = container.Definition;
        return image with
        {
            Config = (image.Config ?? new ContainerConfig()) with
            {
                Env = definition.Environment,
                Cmd = definition.Command is { Length: > 0 } command ? command : null,
                Entrypoint = definition.Entrypoint is { Length: > 0 } entrypoint ? entrypoint : null,
                User = definition.User,
                WorkingDir = definition.WorkingDirectory,
                Labels = definition.Labels.IsEmpty ? null : definition.Labels,
                StopSignal = image.Config?.StopSignal is null && definition.StopSignal == "SIGTERM" ? null : definition.StopSignal,
                ExposedPorts = definition.ExposedPorts.IsEmpty ? null
                    : definition.ExposedPorts.ToImmutableSortedDictionary(port => port, _ => new EmptyObject(), StringComparer.Ordinal),
            },
        };
    }
}
