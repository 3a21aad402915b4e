using System.Collections.Immutable;
using System.Globalization;
using Mica.Build;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>What the builder is told, of what the engine was asked for.</summary>
internal static class StepOptions
{
    private const string Epoch = "SOURCE_DATE_EPOCH";

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
        Epoch = EpochOf(options),
        Secrets = options.Secrets,
        SshSockets = options.SshSockets,
        Network = options.Network,
        AllowHostNetwork = options.AllowHostNetwork,
        AllowInsecure = options.AllowInsecure,
        ExtraHosts = options.ExtraHosts,
        ShmSize = options.ShmSize,
        Ulimits = options.Ulimits,
        StepTimeout = options.StepTimeout,
    };

    private static DateTimeOffset? EpochOf(ImageBuildOptions options)
    {
        if (options.Arguments.GetValueOrDefault(Epoch) is not { Length: > 0 } text)
        {
            return null;
        }

        // The last second of the year 9999.
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds) && seconds <= 253_402_300_799
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : throw new MicaException(ErrorKind.InvalidArgument, $"invalid {Epoch}: {Printable.Of(text)} (seconds since 1970)");
    }
}
