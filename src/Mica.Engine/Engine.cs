using Mica.Build;
using Mica.Oci;
using Mica.Registry;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Engine;

/// <summary>
/// All of Mica in one object that owns one root directory: the store with its images, and the way to registries. Any number
/// of engines, in this process and in others, may share a root. Safe for concurrent use.
/// </summary>
/// <example>
/// <code>
/// await using Engine engine = await Engine.OpenAsync(new EngineOptions { Root = "/var/lib/mica" }, cancellationToken);
/// await engine.Images.PullAsync(ImageReference.Parse("debian:trixie"), new PullOptions(), progress: null, cancellationToken);
/// </code>
/// </example>
public sealed class Engine : IAsyncDisposable
{
    private readonly Lazy<RegistryClient> _registry;
    private readonly Lazy<StepContainers> _containers;

    private Engine(ImageStore store, EngineOptions options)
    {
        Store = store;
        Options = options;
        _containers = new Lazy<StepContainers>(() => OpenContainers(store, options));
        _registry = new Lazy<RegistryClient>(() => new RegistryClient(options.Registry));
        Images = new Images(this);
        Manifests = new Manifests(this);
        Builds = new Builds(this);
    }

    /// <summary>The local end: queries, names and their journal, removal, checks.</summary>
    public ImageStore Store { get; }

    /// <summary>What moves images: pull, push, save, load, copy.</summary>
    public Images Images { get; }

    /// <summary>Indexes made by hand.</summary>
    public Manifests Manifests { get; }

    /// <summary>Builds images from Dockerfiles.</summary>
    public Builds Builds { get; }

    /// <summary>The way to registries; nothing is connected before it is asked for something.</summary>
    public RegistryClient Registry => _registry.Value;

    /// <summary>What runs containers here; what crashed processes left of theirs is removed when it is first asked for.</summary>
    internal StepContainers Containers => _containers.Value;

    /// <summary>How the engine was opened.</summary>
    public EngineOptions Options { get; }

    /// <summary>Opens the root directory; an empty or absent one becomes a store.</summary>
    /// <exception cref="MicaException">As for opening an <see cref="ImageStore"/>.</exception>
    public static async Task<Engine> OpenAsync(EngineOptions options, CancellationToken cancellationToken)
    {
        ImageStore store = await ImageStore.OpenAsync(
            new StoreOptions
            {
                Root = options.Root,
                Time = options.Time,
                Platform = options.Platform,
                Durable = options.Durable,
                MaxLayerBytes = options.MaxLayerBytes,
            },
            cancellationToken);
        return new Engine(store, options);
    }

    /// <summary>
    /// Reads everything in the store again and tells what is wrong. A repair mends what can be mended from what is there, and
    /// fetches the rest from the repositories that the images came from.
    /// </summary>
    public Task<StoreCheckReport> CheckAsync(
        StoreCheckOptions options, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken) =>
        new StoreRepair(this, progress).RunAsync(options, cancellationToken);

    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: this process cannot run containers; why.</exception>
    private static StepContainers OpenContainers(ImageStore store, EngineOptions options)
    {
        var runtime = new RuntimeOptions(
            options.StateDirectory ?? Path.Join(store.BuildDirectory, "run"), Path.Join(store.BuildDirectory, "scratch"));
        RuntimeSupport support = new RuntimeProbe(runtime).Probe();
        if (support.Rung == RuntimeRung.None || support.Namespace is not null)
        {
            throw new MicaException(ErrorKind.Unsupported, support.Rung == RuntimeRung.None
                ? support.Reason : $"containers run {support.Reason}: this process is not in its user namespace");
        }

        var runner = new ContainerRunner(runtime with { Rung = support.Rung, SharesProc = support.SharesProc });
        runner.RemoveLeftovers();
        return new StepContainers(runner, support.Rung == RuntimeRung.Root ? null : $"steps run {support.Reason}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_containers.IsValueCreated)
        {
            _containers.Value.Runner.Dispose();
        }

        await Store.DisposeAsync();
        if (_registry.IsValueCreated)
        {
            await _registry.Value.DisposeAsync();
        }
    }
}
