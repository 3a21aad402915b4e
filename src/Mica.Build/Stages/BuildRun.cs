using System.Collections.Concurrent;
using System.Collections.Immutable;
using Mica.Dockerfile;
using Mica.Layers;
using Mica.Oci;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Build;

/// <summary>
/// One build: its stages, each built once and only when the target needs it, at once where they do not wait for each other.
/// </summary>
internal sealed class BuildRun : IAsyncDisposable
{
    private readonly IProgress<BuildEvent>? _progress;
    private readonly ConcurrentDictionary<int, Lazy<Task<StageState>>> _stages = [];
    private readonly ConcurrentDictionary<string, Lazy<ISourceTree>> _contexts = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Lazy<Task<StageState>>> _images = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<IDisposable> _opened = [];
    private readonly List<ContextDigests> _digests = [];
    private readonly Lock _gate = new();
    private readonly Func<StepContainers> _containers;
    private int _told;
    private readonly ConcurrentDictionary<string, Lazy<string?>> _mended = [];
    private int _steps;
    private int _executed;
    private int _cached;

    public BuildRun(
        BuildOptions options, ImageStore store, StoreLease lease, IBaseImages images, Func<StepContainers> containers, TimeProvider time, IProgress<BuildEvent>? progress, IImportedResults? imported = null)
    {
        Imported = imported;
        _containers = containers;
        Options = options;
        Store = store;
        Lease = lease;
        Images = images;
        Time = time;
        _progress = progress;
        Arguments = new BuildArguments(options.Arguments, Platform.Current, options.Platform, options.Target);
        Global = Arguments.GlobalScope(options.Dockerfile);
        Workspace = store.NewWorkspace(lease);
        Expander = new InstructionExpander(options.Dockerfile.Directives.EscapeCharacter);
    }

    public BuildOptions Options { get; }

    public ImageStore Store { get; }

    public StoreLease Lease { get; }

    public IBaseImages Images { get; }

    /// <summary>What runs the commands of RUN; the first step that asks tells how.</summary>
    public ContainerRunner Containers(int step)
    {
        StepContainers containers = _containers();
        if (containers.Notice is { } notice && Interlocked.Exchange(ref _told, 1) == 0)
        {
            Report(new StepNotice(step, notice));
        }

        return containers.Runner;
    }

    /// <summary>Results of other machines; null for none.</summary>
    public IImportedResults? Imported { get; }

    /// <summary>The results of all steps, executed or not.</summary>
    public ConcurrentBag<BuildRecord> Results { get; } = [];

    public TimeProvider Time { get; }

    public BuildArguments Arguments { get; }

    public VariableScope Global { get; }

    public LayerWorkspace Workspace { get; }

    public InstructionExpander Expander { get; }

    /// <summary>What was taken from elsewhere.</summary>
    public ConcurrentBag<BuildMaterial> Materials { get; } = [];

    public int Executed => _executed;

    public int Cached => _cached;

    /// <summary>The target, and everything that it needs.</summary>
    public async Task<StageState> RunAsync(Stage target, CancellationToken cancellationToken)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        IReadOnlyCollection<Stage> needed = new StageReach(Options, Expander, Global).From(target);
        Options.Lock?.Require(BuildSources.Of(Options.Dockerfile, needed, Arguments, Options.Contexts.Keys));
        Task<StageState>[] all = [.. needed.Select(stage => StageAsync(stage, failed))];
        await Task.WhenAll((IEnumerable<Task>)all).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // The failure that stopped the others, not those that it caused.
        Task? first = all.FirstOrDefault(task => task.IsFaulted && task.Exception!.InnerException is not OperationCanceledException)
            ?? all.FirstOrDefault(task => !task.IsCompletedSuccessfully);
        if (first is not null)
        {
            if (first.Exception?.InnerException is StepFailedException failure && Options.OnFailure is { } handle)
            {
                await handle(failure, cancellationToken);
            }

            await first;
        }

        foreach (ContextDigests digests in _digests)
        {
            digests.Save();
        }

        return await StageAsync(target, failed);
    }

    /// <summary>The stage when it is built.</summary>
    public Task<StageState> StageAsync(Stage stage, CancellationTokenSource failed) => _stages.GetOrAdd(stage.Index, _ => new Lazy<Task<StageState>>(
        () => Task.Run(async () =>
        {
            try
            {
                return await new StageRun(this, stage, failed).RunAsync();
            }
            catch
            {
                await failed.CancelAsync();
                throw;
            }
        }))).Value;

    /// <summary>The state that begins with an image; each image once, for each platform.</summary>
    /// <param name="reference">The image's name.</param>
    /// <param name="platform">What it is for.</param>
    /// <param name="stepName">What the step is called in which its layers are brought.</param>
    /// <param name="cancellationToken">Stops.</param>
    public Task<StageState> ImageAsync(ImageReference reference, Platform platform, string stepName, CancellationToken cancellationToken) =>
        _images.GetOrAdd($"{reference} {platform}", _ => new Lazy<Task<StageState>>(async () =>
        {
            reference = Options.Lock?.Pin(reference) ?? reference;
            int opening = Begin($"[internal] load metadata for {reference.WithDefaultTag()}");
            (Image image, bool isComplete) = await TimedAsync(opening, () => Images.OpenAsync(
                reference, platform, Options.Pull, new SynchronousProgress(moved => Report(new StepProgress(opening, moved))), cancellationToken));
            var layers = new BaseLayers(areHere: false, () => FetchAsync(reference, platform, stepName, cancellationToken));
            if (isComplete)
            {
                int step = Begin(stepName);
                Report(new StepCached(step));
                Report(new StepCompleted(step, TimeSpan.Zero));
                layers = new BaseLayers(areHere: true, () => Images.FetchAsync(reference, platform, null, cancellationToken));
            }

            Materials.Add(new BuildMaterial(BuildMaterial.PackageUrl(reference, platform), image.ManifestDescriptor.Digest));
            return BaseState.Of(image) with { Base = layers };
        })).Value;

    /// <summary>The directories that make the tree of a state, the topmost first; its base is brought if need be.</summary>
    public async Task<ImmutableArray<string>> TreesAsync(StageState state, CancellationToken cancellationToken)
    {
        await (state.Base?.BringAsync() ?? Task.CompletedTask);
        ImmutableArray<string> trees = await Store.TreesAsync(state.DiffIds, cancellationToken);

        // Layers of a build have entries for all their directories; those of its base need not.
        int own = state.Layers.Length - (state.BaseImage?.Layers ?? 0);
        return trees.Length > own + 1 && _mended.GetOrAdd(trees[own], _ => new Lazy<string?>(() => Mend(trees[own..]))).Value is { } mended
            ? trees.Insert(own, mended) : trees;
    }

    private string? Mend(ImmutableArray<string> trees)
    {
        if (ImpliedDirectories.FindHiding(trees) is not { IsEmpty: false } hiding)
        {
            return null;
        }

        string directory = Workspace.NewDirectory("directories");
        ImpliedDirectories.Write(hiding, trees, directory);
        return directory;
    }

    /// <summary>The build's own context, or a directory that has a name.</summary>
    public ISourceTree Context(string directory, PatternList ignored, string displayName) => _contexts.GetOrAdd(directory, _ => new Lazy<ISourceTree>(() =>
    {
        string name = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Path.GetFullPath(directory))));
        var digests = ContextDigests.Load(Path.Join(Store.BuildDirectory, $"context-{name[..32]}"), Time);
        var tree = new ContextTree(directory, ignored, digests, displayName);
        lock (_gate)
        {
            _digests.Add(digests);
        }

        _opened.Add(tree);
        return tree;
    })).Value;

    /// <summary>The tree that a state's layers make.</summary>
    public async Task<StackTree> TreeAsync(StageState state, string displayName, CancellationToken cancellationToken)
    {
        ImmutableArray<string> trees = await TreesAsync(state, cancellationToken);
        var stack = new LayerStack(trees, LayerWorkspace.WhiteoutForm);
        _opened.Add(stack);
        return new StackTree(stack, displayName, trees);
    }

    public int Begin(string name)
    {
        int step = Interlocked.Increment(ref _steps);
        Report(new StepStarted(step, name));
        return step;
    }

    public void Report(BuildEvent happened)
    {
        lock (_gate)
        {
            _progress?.Report(happened);
        }
    }

    public void Count(bool wasCached)
    {
        Interlocked.Increment(ref wasCached ? ref _cached : ref _executed);
    }

    /// <summary>Does the work of a step and tells how it ended.</summary>
    public async Task<T> TimedAsync<T>(int step, Func<Task<T>> work)
    {
        long start = Time.GetTimestamp();
        try
        {
            T result = await work();
            Report(new StepCompleted(step, Time.GetElapsedTime(start)));
            return result;
        }
        catch (Exception failure)
        {
            Report(new StepFailed(step, failure.Message, failure is OperationCanceledException));
            throw;
        }
    }

    private async Task FetchAsync(ImageReference reference, Platform platform, string stepName, CancellationToken cancellationToken)
    {
        int step = Begin(stepName);
        await TimedAsync(step, async () =>
        {
            await Images.FetchAsync(reference, platform, new SynchronousProgress(moved => Report(new StepProgress(step, moved))), cancellationToken);
            return true;
        });
    }

    public async ValueTask DisposeAsync()
    {
        foreach (IDisposable opened in _opened)
        {
            opened.Dispose();
        }

        await Workspace.DisposeAsync();
    }
}
