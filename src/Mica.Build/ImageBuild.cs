using Mica.Dockerfile;
using Mica.Oci;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Build;

/// <summary>Turns a Dockerfile and a context into an image in the store.</summary>
public sealed class ImageBuild(ImageStore store, StoreLease lease, IBaseImages images, Func<StepContainers> containers, TimeProvider time, IImportedResults? imported = null)
{
    /// <summary>Builds the target stage and what it needs; the image has no name yet.</summary>
    /// <param name="options">What is to be built.</param>
    /// <param name="progress">Is told what happens.</param>
    /// <param name="cancellationToken">Stops all steps; what had succeeded stays cached.</param>
    /// <exception cref="DockerfileException">The Dockerfile cannot be built as it is.</exception>
    /// <exception cref="StepFailedException">A step failed.</exception>
    public async Task<BuildResult> RunAsync(BuildOptions options, IProgress<BuildEvent>? progress, CancellationToken cancellationToken)
    {
        options.Dockerfile.ThrowIfInvalid();
        Stage target = Target(options);
        DateTimeOffset started = time.GetUtcNow();
        await using var run = new BuildRun(options, store, lease, images, containers, time, progress, imported);
        StageState state = await run.RunAsync(target, cancellationToken);
        state = options.Squash ? await new Squash(run, state).RunAsync(cancellationToken) : state;
        BuildResult result = await ImageAssembly.WriteAsync(run, state, cancellationToken);
        if (options.Provenance is not { } provenance)
        {
            return result;
        }

        InTotoStatement statement = new ProvenanceStatement(run, provenance, started).Of(result.Manifest, target);
        return result with { Provenance = await Attestation.WriteAsync(lease, statement, result.Manifest.Digest, cancellationToken) };
    }

    private static Stage Target(BuildOptions options)
    {
        if (options.Dockerfile.Stages.IsEmpty)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "the Dockerfile has no stage: it needs a FROM");
        }

        return options.Target is not { Length: > 0 } name ? options.Dockerfile.Stages[^1]
            : options.Dockerfile.FindStage(name) ?? throw new MicaException(ErrorKind.NotFound,
                $"target stage \"{Printable.Of(name)}\" could not be found{(options.Dockerfile.SuggestStage(name) is { } near ? $" (did you mean {near}?)" : "")}");
    }
}

/// <summary>What runs the commands of RUN.</summary>
/// <param name="Runner">Runs containers.</param>
/// <param name="Notice">What people should know of how; told once in a build. Null for nothing.</param>
public sealed record StepContainers(ContainerRunner Runner, string? Notice);
