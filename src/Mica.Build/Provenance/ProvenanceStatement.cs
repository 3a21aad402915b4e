using System.Collections.Immutable;
using System.Text;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Build;

/// <summary>Writes down how a build was done, with the members that BuildKit has, so that what reads its provenance reads this.</summary>
internal sealed class ProvenanceStatement(BuildRun run, ProvenanceOptions options, DateTimeOffset started)
{
    /// <summary>The definition of the parameters, which are those of BuildKit.</summary>
    private const string BuildType = "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md";

    private readonly BuildOptions _build = run.Options;

    private BuildInvocation Invocation => _build.Invocation;

    private bool TellsAll => options.Mode == ProvenanceMode.Max;

    /// <summary>The statement about the image with this manifest.</summary>
    public InTotoStatement Of(Descriptor manifest, Stage target) => new(
        [.. Names().Select(name => new ResourceDescriptor { Name = name, Digest = DigestOf(manifest.Digest.Algorithm, manifest.Digest.Hex) })],
        new SlsaProvenance(
            new BuildDefinition(BuildType, Request(), new InternalParameters(Invocation.Platform.ToString(), TellsAll ? new BuildConfig(Steps(target)) : null), Materials()),
            new RunDetails(
                new Builder(options.BuilderId, ImmutableSortedDictionary<string, string>.Empty.Add("mica", Invocation.Version)),
                Metadata())));

    private IEnumerable<string> Names() => Invocation.Names.IsEmpty ? ["_"] : Invocation.Names.Select(name => BuildMaterial.PackageUrl(name, _build.Platform));

    private ExternalParameters Request()
    {
        var arguments = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach ((string name, string value) in _build.Labels)
        {
            arguments[$"label:{name}"] = value;
        }

        if (_build.Target is { Length: > 0 } target)
        {
            arguments["target"] = target;
        }

        if (TellsAll)
        {
            // The address of a proxy may hold a password, and is no input.
            foreach ((string name, string value) in _build.Arguments.Where(pair => !PredefinedArguments.Proxies.Contains(pair.Key)))
            {
                arguments[$"build-arg:{name}"] = value;
            }
        }

        var source = new ConfigSource(
            Invocation.ContextUri, Invocation.Commit is { } commit ? ImmutableSortedDictionary<string, string>.Empty.Add("sha1", commit) : null, Invocation.DockerfilePath);
        ImmutableArray<LocalSource>? locals = Invocation.ContextUri is null ? [new LocalSource("context"), new LocalSource("dockerfile")] : null;
        return new ExternalParameters(source, new BuildRequest("dockerfile.v0", arguments.ToImmutable(), locals));
    }

    private ImmutableArray<BuildConfigStep> Steps(Stage target) =>
    [
        .. new StageReach(_build, run.Expander, run.Global).From(target).OrderBy(stage => stage.Index)
            .SelectMany(stage => stage.Instructions.Prepend(stage.From).Select(instruction =>
                new BuildConfigStep(stage.DisplayName, instruction.Lines.Start, instruction.Syntax.ToString()))),
    ];

    private ImmutableArray<ResourceDescriptor> Materials() =>
    [
        .. run.Materials.Distinct().OrderBy(material => material.Uri, StringComparer.Ordinal).ThenBy(material => material.Hex, StringComparer.Ordinal)
            .Select(material => new ResourceDescriptor { Uri = material.Uri, Digest = DigestOf(material.Algorithm, material.Hex) }),
    ];

    /// <summary>What differs from build to build is left out when the same inputs shall give the same digest.</summary>
    private BuildMetadata Metadata()
    {
        bool isReproducible = _build.Epoch is not null;
        DateTimeOffset finished = run.Time.GetUtcNow();
        byte[] dockerfile = Encoding.UTF8.GetBytes(string.Join('\n', _build.Dockerfile.Source.Lines));
        return new BuildMetadata
        {
            InvocationId = isReproducible ? null : Invocation.Id,
            StartedOn = isReproducible ? null : StageRun.Time(started),
            FinishedOn = isReproducible ? null : StageRun.Time(finished),
            Source = TellsAll ? new SourceMetadata(new SourceFiles([new SourceFile(Invocation.DockerfilePath, "Dockerfile", dockerfile)])) : null,
            Completeness = new Completeness(Request: TellsAll, ResolvedDependencies: false),
        };
    }

    private static ImmutableSortedDictionary<string, string> DigestOf(string algorithm, string hex) =>
        ImmutableSortedDictionary<string, string>.Empty.Add(algorithm, hex);
}
