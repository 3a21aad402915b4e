using System.Collections.Immutable;
using Mica.Build;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>What a build is asked for. Nothing is read from the environment.</summary>
public sealed record ImageBuildOptions
{
    /// <summary>Where the files are.</summary>
    public required BuildContext Context { get; init; }

    /// <summary>
    /// The Dockerfile: with a directory as context a path, else a path in the context. Null for <c>Dockerfile</c> in the context.
    /// </summary>
    public string? DockerfilePath { get; init; }

    /// <summary>The Dockerfile itself, in place of a path.</summary>
    public Stream? DockerfileContent { get; init; }

    /// <summary>Further contexts by name.</summary>
    public ImmutableDictionary<string, NamedBuildContext> Contexts { get; init; } = ImmutableDictionary<string, NamedBuildContext>.Empty;

    /// <summary>The names that will stand for the image.</summary>
    public ImmutableArray<ImageReference> Names { get; init; } = [];

    /// <summary>What becomes of the result; none is an image of the store.</summary>
    public ImmutableArray<BuildOutput> Outputs { get; init; } = [];

    /// <summary>What the image is for; none is the engine's platform, several make one index.</summary>
    public ImmutableArray<Platform> Platforms { get; init; } = [];

    /// <summary>The stage to build; null for the last one.</summary>
    public string? Target { get; init; }

    /// <summary>Values of ARG instructions, and the predefined ones (<c>SOURCE_DATE_EPOCH</c>, <c>BUILDKIT_…</c>, proxies).</summary>
    public ImmutableDictionary<string, string> Arguments { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Labels that the image gets besides.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Annotations of the manifests.</summary>
    public ImmutableSortedDictionary<string, string> Annotations { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Annotations of the index, when several platforms are built.</summary>
    public ImmutableSortedDictionary<string, string> IndexAnnotations { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>No step's earlier result is used.</summary>
    public bool NoCache { get; init; }

    /// <summary>Stages whose steps' earlier results are not used.</summary>
    public ImmutableHashSet<string> NoCacheStages { get; init; } = [];

    /// <summary>Base images are looked up in their registries even if they are here.</summary>
    public bool Pull { get; init; }

    /// <summary>Tells, of each step that is executed, what differs from the last build.</summary>
    public bool Explain { get; init; }

    /// <summary>Modes of context files count as 0644 or 0755.</summary>
    public bool PortableModes { get; init; }

    /// <summary>The layers that the build adds become one.</summary>
    public bool Squash { get; init; }

    /// <summary>What <c>RUN --mount=type=secret</c> may see, by ID.</summary>
    public ImmutableDictionary<string, BuildSecret> Secrets { get; init; } = ImmutableDictionary<string, BuildSecret>.Empty;

    /// <summary>Sockets of SSH agents by ID.</summary>
    public ImmutableDictionary<string, string> SshSockets { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>The network of RUN steps that say none themselves.</summary>
    public RunNetwork Network { get; init; }

    /// <summary>Whether <c>RUN --network=host</c> is allowed.</summary>
    public bool AllowHostNetwork { get; init; }

    /// <summary>Whether <c>RUN --security=insecure</c> is allowed.</summary>
    public bool AllowInsecure { get; init; }

    /// <summary>Lines of <c>/etc/hosts</c>: name and address.</summary>
    public ImmutableArray<(string Name, string Address)> ExtraHosts { get; init; } = [];

    /// <summary>Bytes of <c>/dev/shm</c> of RUN steps; null for 64 MiB.</summary>
    public long? ShmSize { get; init; }

    /// <summary>Resource limits of RUN steps: name, soft, hard; -1 is unlimited.</summary>
    public ImmutableArray<(string Name, long Soft, long Hard)> Ulimits { get; init; } = [];

    /// <summary>
    /// Tells how the image was made, in an attestation: the result is then an index, even for one platform. Null for no.
    /// </summary>
    public ProvenanceOptions? Provenance { get; init; }

    /// <summary>
    /// Is told of the failure that ends the build while its step's file system is still there, after all other steps have
    /// ended; of one platform only. Null for nobody.
    /// </summary>
    public Func<StepFailedException, CancellationToken, Task>? OnFailure { get; init; }

    /// <summary>How long one RUN step may take; null for ever.</summary>
    public TimeSpan? StepTimeout { get; init; }

    /// <summary>What images and addresses have to be; null for what they are now.</summary>
    public BuildLock? Lock { get; init; }

    /// <summary>Where results of other machines may be taken from.</summary>
    public ImmutableArray<CacheSource> CacheFrom { get; init; } = [];

    /// <summary>Where the results of this build go.</summary>
    public ImmutableArray<CacheTarget> CacheTo { get; init; } = [];
}

/// <summary>What a build made.</summary>
/// <param name="Root">The manifest, or the index of several platforms.</param>
/// <param name="Platforms">The image for each platform, in the order they were asked for.</param>
/// <param name="Warnings">What the build checks found.</param>
public sealed record BuiltImage(Descriptor Root, ImmutableArray<BuiltPlatform> Platforms, CheckReport Warnings)
{
    /// <summary>The image ID: the digest of the first platform's config.</summary>
    public Digest Id => Platforms[0].Result.Config.Digest;

    /// <summary>What its names stand for at their registries; null when it was not pushed.</summary>
    public Descriptor? Pushed { get; init; }
}

/// <summary>The image that was built for one platform.</summary>
/// <param name="Platform">The platform.</param>
/// <param name="Result">What was made.</param>
public sealed record BuiltPlatform(Platform Platform, BuildResult Result);
