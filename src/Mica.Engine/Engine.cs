using System.Collections.Immutable;
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
    private readonly Lazy<RuntimeAccess> _runtime;
    private readonly Lazy<StepContainers> _steps;

    private Engine(ImageStore store, EngineOptions options)
    {
        Store = store;
        Options = options;
        _runtime = new Lazy<RuntimeAccess>(() => RuntimeAccess.Open(store, options));
        _steps = new Lazy<StepContainers>(() => OpenSteps(_runtime.Value));
        _registry = new Lazy<RegistryClient>(() => new RegistryClient(options.Registry));
        Images = new Images(this);
        Manifests = new Manifests(this);
        Builds = new Builds(this);
        Containers = new Containers(this);
        Volumes = new Volumes(this);
        Networks = new Networks(this);
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

    /// <summary>Containers, running or not.</summary>
    public Containers Containers { get; }

    /// <summary>Files that outlive containers.</summary>
    public Volumes Volumes { get; }

    /// <summary>What connects containers.</summary>
    public Networks Networks { get; }

    /// <summary>What runs the steps of builds; what crashed processes left of theirs is removed when it is first asked for.</summary>
    internal StepContainers StepContainers => _steps.Value;

    /// <summary>How containers can be run here.</summary>
    internal RuntimeOptions Runtime => _runtime.Value.Options;

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

    /// <summary>What this machine offers to containers, and what it lacks. Makes and removes a directory in the root directory.</summary>
    public Task<HostInspection> InspectHostAsync(CancellationToken cancellationToken) => Task.Run(() => HostInspection.Run(Store, Options), cancellationToken);

    /// <summary>What happened after the event number <paramref name="after"/> (0: the first that is kept), oldest first.</summary>
    public async Task<ImmutableArray<(long Number, EngineEvent Event)>> EventsAsync(long after, CancellationToken cancellationToken) =>
        [.. (await Store.Objects.EventsAsync(after, cancellationToken)).Select(stored => (stored.Sequence, ContainerJson.ReadEvent(stored.Event)))];

    internal Task TellAsync(string type, string action, string id, ImmutableSortedDictionary<string, string> attributes, CancellationToken cancellationToken)
    {
        DateTimeOffset now = Options.Time.GetUtcNow();
        return Store.Objects.AddEventAsync(now, ContainerJson.Write(new EngineEvent(type, action, id, now) { Attributes = attributes }), cancellationToken);
    }

    private static StepContainers OpenSteps(RuntimeAccess access)
    {
        var runner = new ContainerRunner(access.Options);
        runner.RemoveLeftovers();
        return new StepContainers(runner, access.Options.Rung == RuntimeRung.Root ? null : $"steps run {access.Reason}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_steps.IsValueCreated)
        {
            _steps.Value.Runner.Dispose();
        }

        await Store.DisposeAsync();
        if (_registry.IsValueCreated)
        {
            await _registry.Value.DisposeAsync();
        }
    }
}
