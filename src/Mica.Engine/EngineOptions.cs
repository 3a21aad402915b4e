using System.Collections.Immutable;
using Mica.Build;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Engine;

/// <summary>How an engine is opened. Nothing is read from the environment: what it should know is here.</summary>
public sealed record EngineOptions
{
    /// <summary>The root directory, which the engine shares with any number of other processes.</summary>
    public required string Root { get; init; }

    /// <summary>
    /// For what exists only while containers do, such as <c>/run/mica</c>; null is a directory in the root directory.
    /// </summary>
    public string? StateDirectory { get; init; }

    /// <summary>
    /// The command line up to its subcommand by which a monitor calls <c>mica container cleanup</c> when a container has ended:
    /// without it containers are not started again by themselves, and whoever looks at one next sees to its end.
    /// </summary>
    public ImmutableArray<string> Program { get; init; } = [];

    /// <summary>The environment of that command, as <c>NAME=value</c>.</summary>
    public ImmutableArray<string> ProgramEnvironment { get; init; } = [];

    /// <summary>How registries are reached.</summary>
    public RegistryClientOptions Registry { get; init; } = new();

    /// <summary>Web servers are reached as registries are.</summary>
    internal WebDownloadOptions Downloads => new()
    {
        Proxy = Registry.Proxy,
        ConnectTimeout = Registry.ConnectTimeout,
        UserAgent = $"mica/{Registry.Version}",
    };

    /// <summary>The platform that is meant when none is named.</summary>
    public Platform Platform { get; init; } = Platform.Current;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Layers, or blobs, that one operation moves at once.</summary>
    public int Concurrency { get; init; } = 3;

    /// <summary>Whether an image is forced to the disk before a name stands for it.</summary>
    public bool Durable { get; init; } = true;

    /// <summary>What the cache of builds is cut to after each build; null: nothing but a prune removes anything.</summary>
    public BuildCacheLimits? BuildCacheLimits { get; init; }

    /// <summary>Bytes that one layer may unpack to, so that a decompression bomb ends. 64 GiB unless told otherwise.</summary>
    public long MaxLayerBytes { get; init; } = 64L << 30;
}
