using System.Collections.Immutable;
using Mica.Dockerfile;
using Mica.Oci;
using Mica.Store;

namespace Mica.Build;

/// <summary>What one build is asked for. Nothing is read from the environment.</summary>
public sealed record BuildOptions
{
    /// <summary>The Dockerfile, without diagnostics.</summary>
    public required DockerfileDocument Dockerfile { get; init; }

    /// <summary>A name of the Dockerfile that stays the same between builds, such as its absolute path; builds are compared by it.</summary>
    public required string DockerfileId { get; init; }

    /// <summary>The directory of the build context; null for a build without one.</summary>
    public string? ContextDirectory { get; init; }

    /// <summary>What the context's ignore file leaves out.</summary>
    public PatternList Ignored { get; init; } = PatternList.Empty;

    /// <summary>Further contexts by name: where FROM, <c>--from</c> and mounts look before stages and images.</summary>
    public ImmutableDictionary<string, NamedContext> Contexts { get; init; } = ImmutableDictionary<string, NamedContext>.Empty;

    /// <summary>The stage to build; null for the last one.</summary>
    public string? Target { get; init; }

    /// <summary>What <c>--build-arg</c> says.</summary>
    public ImmutableDictionary<string, string> Arguments { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>What the image is for.</summary>
    public Platform Platform { get; init; } = Platform.Current;

    /// <summary>Labels that the image gets besides.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Annotations of the manifest.</summary>
    public ImmutableSortedDictionary<string, string> Annotations { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>No step's earlier result is used.</summary>
    public bool NoCache { get; init; }

    /// <summary>Stages whose steps' earlier results are not used.</summary>
    public ImmutableHashSet<string> NoCacheStages { get; init; } = [];

    /// <summary>Base images are looked up in their registries even if they are here.</summary>
    public bool Pull { get; init; }

    /// <summary>Tells, of each step that is executed, what differs from the last build.</summary>
    public bool Explain { get; init; }

    /// <summary>Modes of context files count as 0644 or 0755, in keys and layers.</summary>
    public bool PortableModes { get; init; }

    /// <summary>The layers that the build adds become one.</summary>
    public bool Squash { get; init; }

    /// <summary>The time that the image and its new files bear at most (SOURCE_DATE_EPOCH); null for the time of the build.</summary>
    public DateTimeOffset? Epoch { get; init; }

    /// <summary>Files keep times that are later than <see cref="Epoch"/>; else they bear it.</summary>
    public bool KeepsFileTimes { get; init; }

    /// <summary>What <c>RUN --mount=type=secret</c> may see, by ID: a file's path, or the bytes.</summary>
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

    /// <summary>What images and addresses have to be; null for what they are now.</summary>
    public BuildLock? Lock { get; init; }

    /// <summary>Puts the results of the image's steps into its config, so that the image is a cache too; null for not.</summary>
    public Func<ImageConfig, ImmutableArray<BuildRecord>, IReadOnlyList<Digest>, ImageConfig>? InlineCache { get; init; }

    /// <summary>How ADD reaches web servers.</summary>
    public WebDownloadOptions Downloads { get; init; } = new();

    /// <summary>Tells how the image was made, in an attestation; null for no.</summary>
    public ProvenanceOptions? Provenance { get; init; }

    /// <summary>What the provenance tells besides.</summary>
    public BuildInvocation Invocation { get; init; } = new();

    /// <summary>
    /// Is told of the failure that ends the build while its step's file system is still there, after all other steps have
    /// ended; null for nobody.
    /// </summary>
    public Func<StepFailedException, CancellationToken, Task>? OnFailure { get; init; }

    /// <summary>How long one RUN step may take; null for ever.</summary>
    public TimeSpan? StepTimeout { get; init; }
}

/// <summary>A context with a name: a directory, or an image.</summary>
public abstract record NamedContext;

/// <summary>A directory of the host, with what its own <c>.dockerignore</c> leaves out.</summary>
public sealed record DirectoryContext(string Directory, PatternList Ignored) : NamedContext;

/// <summary>An image.</summary>
public sealed record ImageContext(ImageReference Reference) : NamedContext;

/// <summary>A secret: a file, or bytes. Never part of a layer, a key or a message.</summary>
public sealed record BuildSecret(string? File, ReadOnlyMemory<byte> Value)
{
    /// <inheritdoc/>
    public override string ToString() => "secret";
}
