using System.Net;

namespace Mica.Registry;

/// <summary>
/// How a <see cref="RegistryClient"/> goes about its work. The defaults ask every registry directly, over https, as nobody.
/// </summary>
public sealed record RegistryClientOptions
{
    /// <summary>Where credentials come from; null asks as nobody.</summary>
    public ICredentialSource? Credentials { get; init; }

    /// <summary>Mirrors, rewriting, blocking and insecure registries.</summary>
    public IRegistryRouting Routing { get; init; } = new DirectRouting();

    /// <summary>The certificates for a host (with its port, <c>docker.io</c> for Docker Hub). Asked once per host.</summary>
    public Func<string, RegistryCertificates> Certificates { get; init; } = static _ => RegistryCertificates.None;

    /// <summary>The proxy to go through, from <see cref="ProxySettings.ToWebProxy"/>; null goes directly.</summary>
    public IWebProxy? Proxy { get; init; }

    /// <summary>What follows <c>mica/</c> in the User-Agent.</summary>
    public string Version { get; init; } = "0";

    /// <summary>The clock of token lifetimes and of the waits between attempts.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Spreads the waits of many clients.</summary>
    public Random Jitter { get; init; } = Random.Shared;

    /// <summary>How often something is tried that brings no progress.</summary>
    public int MaxAttempts { get; init; } = 5;

    /// <summary>The longest <c>Retry-After</c> that is waited for; a longer one is an error at once.</summary>
    public TimeSpan MaxRetryAfter { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a connection may take to come about.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long an answer, or the next bytes of one, may take.</summary>
    public TimeSpan StallTimeout { get; init; } = StallGuard.DefaultLimit;

    /// <summary>
    /// Requests at once for one big blob, each for a part of it; 1 turns this off. Blobs from loopback addresses are never
    /// split: it would only cost there.
    /// </summary>
    public int ParallelRanges { get; init; } = 3;

    /// <summary>The size in bytes from which a blob is split.</summary>
    public long ParallelThreshold { get; init; } = 16 << 20;

    /// <summary>
    /// Bytes per request of an upload; null sends a blob in one request. A registry or proxy that refuses big requests gets
    /// smaller ones without this.
    /// </summary>
    public int? UploadChunk { get; init; }

    /// <summary>Answers in place of the network, for tests. The caller disposes it.</summary>
    internal HttpMessageHandler? Handler { get; init; }

    /// <summary>For tests, which have no other addresses.</summary>
    internal bool SplitOnLoopback { get; init; }

    /// <summary>Bytes of a part of a split blob.</summary>
    internal int RangeSize { get; init; } = 4 << 20;
}
