using System.Collections.Immutable;
using Mica.Build;
using Mica.Dockerfile;
using Mica.Oci;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Engine;

/// <summary>Builds images from Dockerfiles, and looks after what builds leave for the next one.</summary>
public sealed class Builds
{
    private readonly Engine _engine;

    internal Builds(Engine engine)
    {
        _engine = engine;
        Cache = new BuildCache(engine.Store);
    }

    /// <summary>The results of steps.</summary>
    public BuildCache Cache { get; }

    /// <summary>Builds an image, for every platform that is asked for, and puts it where it is wanted.</summary>
    /// <exception cref="DockerfileException">The Dockerfile cannot be built as it is; all that is wrong with it is told.</exception>
    /// <exception cref="StepFailedException">A step failed; what had succeeded is kept for the next build.</exception>
    public async Task<BuiltImage> BuildAsync(ImageBuildOptions options, IProgress<BuildEvent>? progress, CancellationToken cancellationToken)
    {
        RefuseContradictions(options);
        var steps = new BuildSteps(progress ?? Silence.Instance, _engine.Options.Time);
        await using StoreLease lease = await _engine.Store.LeaseAsync("build", cancellationToken);
        await using LayerWorkspace workspace = _engine.Store.NewWorkspace(lease);
        var opening = new ContextOpening(_engine.Options, workspace);
        BuildInput input = await ReadAsync(opening, options, steps, cancellationToken);
        options = options with { Arguments = SourceDateEpoch.Resolve(options.Arguments, input.Document, input.ContextTime) };

        var images = new BaseImages(_engine, lease);
        var checks = new BuildChecks(input, options, _engine.Options.Platform);
        checks.Lint(null).ThrowIfFailed();
        ImmutableDictionary<string, NamedContext> contexts = await OpenContextsAsync(opening, images, options, cancellationToken);
        BuildInvocation origin = BuildOrigin.Of(options, input, _engine.Options);
        Platform[] platforms = options.Platforms.IsEmpty ? [_engine.Options.Platform] : [.. options.Platforms];
        BuiltPlatform[] built = await RunAllAsync(platforms, async (platform, token) =>
        {
            ImportedCaches? imported = await ImportedCaches.OpenAsync(_engine, lease, options, platform, steps, token);
            var build = new ImageBuild(_engine.Store, lease, images, () => _engine.StepContainers, _engine.Options.Time, imported);
            BuildOptions one = StepOptions.Of(options, input, contexts, platform, _engine.Options.Downloads) with { Invocation = origin };
            return new BuiltPlatform(platform, await build.RunAsync(one, steps.Of(platforms.Length > 1 ? platform : null), token));
        }, cancellationToken);

        Descriptor root = await new BuiltIndex(lease, options).WriteAsync(built, cancellationToken);
        var result = new BuiltImage(root, [.. built], checks.Lint(images).Report);
        result = await new BuildExport(_engine, lease, options, steps).RunAsync(result, cancellationToken);
        await new CacheExport(_engine, lease, steps).RunAsync(options.CacheTo, result.Platforms, cancellationToken);
        if (_engine.Options.BuildCacheLimits is { } limits)
        {
            await Cache.EnforceAsync(limits, _engine.Options.Time.GetUtcNow(), cancellationToken);
        }

        return result;
    }

    /// <summary>Checks the Dockerfile of a build without building: <c>--check</c>.</summary>
    /// <exception cref="DockerfileException">It cannot be read.</exception>
    public Task<CheckReport> CheckAsync(ImageBuildOptions options, CancellationToken cancellationToken) =>
        WithInputAsync(options, input => new BuildChecks(input, options, _engine.Options.Platform).Lint(null).Report, cancellationToken);

    /// <summary>What can be given to the target of a build: <c>--call=outline</c>.</summary>
    /// <exception cref="DockerfileException">It cannot be read, or has no such target.</exception>
    public Task<OutlineReport> OutlineAsync(ImageBuildOptions options, CancellationToken cancellationToken) => WithInputAsync(
        options, input => Outline.Of(input.Document, BuildChecks.TargetOf(input.Document, options.Target), BuildChecks.ArgumentsOf(options, _engine.Options.Platform)),
        cancellationToken);

    /// <summary>The stages that can be built: <c>--call=targets</c>.</summary>
    /// <exception cref="DockerfileException">It cannot be read.</exception>
    public Task<TargetsReport> TargetsAsync(ImageBuildOptions options, CancellationToken cancellationToken) =>
        WithInputAsync(options, input => TargetsReport.Of(input.Document), cancellationToken);

    /// <summary>
    /// What the images and addresses of all stages of a Dockerfile are now, without fetching images. Sources that
    /// <paramref name="before"/> has already are not asked, unless <paramref name="isRefreshed"/> says so of their name.
    /// </summary>
    /// <exception cref="DockerfileException">It cannot be read.</exception>
    public async Task<BuildLock> LockAsync(ImageBuildOptions options, BuildLock before, Func<string, bool> isRefreshed, CancellationToken cancellationToken)
    {
        BuildSources sources = await WithInputAsync(options, input => BuildSources.Of(
            input.Document, input.Document.Stages, BuildChecks.ArgumentsOf(options, _engine.Options.Platform), options.Contexts.Keys), cancellationToken);
        return await new SourceLookup(_engine, cancellationToken).RunAsync(before, sources, isRefreshed);
    }

    /// <summary>Whether a path is in the context, and which line of the ignore file says so: one line of text.</summary>
    public Task<string> ExplainIgnoreAsync(ImageBuildOptions options, string path, CancellationToken cancellationToken) => WithInputAsync(
        options, input => input.Ignored?.Explain(path) ?? $"{Printable.Of(path)}: included, there is no ignore file", cancellationToken, needsDockerfile: false);

    private async Task<T> WithInputAsync<T>(
        ImageBuildOptions options, Func<BuildInput, T> use, CancellationToken cancellationToken, bool needsDockerfile = true)
    {
        await using StoreLease lease = await _engine.Store.LeaseAsync("check", cancellationToken);
        await using LayerWorkspace workspace = _engine.Store.NewWorkspace(lease);
        BuildInput input = (await BuildInput.ReadAsync(new ContextOpening(_engine.Options, workspace), options, cancellationToken)).WithIgnoreFile();
        if (needsDockerfile)
        {
            input.Document.ThrowIfInvalid();
        }

        return use(input);
    }

    private static async Task<BuildInput> ReadAsync(ContextOpening opening, ImageBuildOptions options, BuildSteps steps, CancellationToken cancellationToken)
    {
        string name = options.DockerfilePath is { } path ? Path.GetFileName(path) : "Dockerfile";
        BuildInput read = await steps.RunAsync($"[internal] load build definition from {Printable.Of(name)}", async (_, tell) =>
        {
            BuildInput input = await BuildInput.ReadAsync(opening, options, cancellationToken);
            input.Document.ThrowIfInvalid();
            if (options.Outputs.Any(output => output.RewritesTimestamps == true)
                && SourceDateEpoch.Of(SourceDateEpoch.Resolve(options.Arguments, input.Document, input.ContextTime)) is null)
            {
                tell("rewrite-timestamp has no effect without SOURCE_DATE_EPOCH");
            }

            return input;
        });
        return read.ContextDirectory is null ? read
            : await steps.RunAsync("[internal] load .dockerignore", (_, _) => Task.FromResult(read.WithIgnoreFile()));
    }

    private static async Task<ImmutableDictionary<string, NamedContext>> OpenContextsAsync(
        ContextOpening opening, BaseImages images, ImageBuildOptions options, CancellationToken cancellationToken)
    {
        var contexts = ImmutableDictionary.CreateBuilder<string, NamedContext>();
        foreach ((string name, NamedBuildContext context) in options.Contexts)
        {
            contexts[name] = context switch
            {
                ImageBuildContext(var reference) => new ImageContext(reference),
                LayoutBuildContext layout => new ImageContext(await images.AddLayoutAsync(layout, cancellationToken)),
                FilesBuildContext(var files) when await opening.OpenAsync(files, cancellationToken) is { Directory: { } directory } =>
                    new DirectoryContext(directory, BuildInput.PatternsOf(directory)),
                _ => throw new MicaException(ErrorKind.InvalidArgument, $"build context {Printable.Of(name)}: not a directory"),
            };
        }

        return contexts.ToImmutable();
    }

    /// <summary>All at once; the first failure stops the others, and is what is thrown.</summary>
    private static async Task<BuiltPlatform[]> RunAllAsync(
        Platform[] platforms, Func<Platform, CancellationToken, Task<BuiltPlatform>> run, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        return await Task.WhenAll(platforms.Select(async platform =>
        {
            try
            {
                return await run(platform, stop.Token);
            }
            catch
            {
                await stop.CancelAsync();
                throw;
            }
        }));
    }

    private static void RefuseContradictions(ImageBuildOptions options)
    {
        // While one platform's shell is open another platform's steps would go on, and end it when they fail.
        if (options.OnFailure is not null && options.Platforms.Length > 1)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "--on-fail=shell: works for one platform at a time");
        }

        if (options.Network == RunNetwork.None && options.ExtraHosts.FirstOrDefault(host => host.Address == ExtraHost.Gateway).Name is { } name)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"--add-host {Printable.Of(name)}:host-gateway: with --network none no step reaches this machine");
        }

        // All outputs are made of the same layers.
        if (options.Outputs.Select(output => output.RewritesTimestamps ?? true).Distinct().Count() > 1)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "rewrite-timestamp is true for one output and false for another: build twice");
        }
    }

    private sealed class Silence : IProgress<BuildEvent>
    {
        public static Silence Instance { get; } = new();

        public void Report(BuildEvent value)
        {
        }
    }
}
