using System.Collections.Immutable;
using Mica.Build;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>What the builder is told, of what the engine was asked for.</summary>
internal static class StepOptions
{
    public static BuildOptions Of(ImageBuildOptions options, BuildInput input, ImmutableDictionary<string, NamedContext> contexts, Platform platform, WebDownloadOptions downloads) => new()
    {
        Downloads = downloads,
        Dockerfile = input.Document,
        DockerfileId = input.Id,
        ContextDirectory = input.ContextDirectory,
        Ignored = input.Ignored?.Patterns ?? PatternList.Empty,
        Contexts = contexts,
        Target = options.Target,
        Arguments = options.Arguments,
        Platform = platform,
        Labels = options.Labels,
        Annotations = options.Annotations,
        NoCache = options.NoCache,
        NoCacheStages = options.NoCacheStages,
        Pull = options.Pull,
        Explain = options.Explain,
        PortableModes = options.PortableModes,
        Squash = options.Squash,
        Epoch = SourceDateEpoch.Of(options.Arguments),
        KeepsFileTimes = options.Outputs.Any(output => output.RewritesTimestamps == false),
        Secrets = options.Secrets,
        SshSockets = options.SshSockets,
        Network = options.Network,
        AllowHostNetwork = options.AllowHostNetwork,
        AllowInsecure = options.AllowInsecure,
        ExtraHosts = options.ExtraHosts,
        ShmSize = options.ShmSize,
        Ulimits = options.Ulimits,
        Provenance = options.Provenance,
        OnFailure = options.OnFailure,
        StepTimeout = options.StepTimeout,
        Lock = options.Lock,
        InlineCache = options.CacheTo.Any(target => target is InlineCacheTarget) || options.Arguments.GetValueOrDefault("BUILDKIT_INLINE_CACHE") is "1" or "true" ? CacheExport.Inline : null,
    };
}
