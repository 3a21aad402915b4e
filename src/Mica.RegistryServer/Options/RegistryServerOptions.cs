using System.Collections.Immutable;
using System.Net;
using Mica.Registry;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer;

/// <summary>How a registry is to be. Everything has a default that is right on one machine, for its own user.</summary>
public sealed record RegistryServerOptions
{
    /// <summary>The directory with everything that the registry keeps, but for what is in S3 and PostgreSQL; made when it is not there.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Where it listens; port 0 takes a free one.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 5000);

    /// <summary>How clients reach it, for addresses in challenges and tokens; null: as the request says.</summary>
    public Uri? PublicAddress { get; init; }

    /// <summary>TLS; null: plain HTTP.</summary>
    public TlsOptions? Tls { get; init; }

    /// <summary>Where blobs are; null: files below the data directory.</summary>
    public S3Options? S3 { get; init; }

    /// <summary>The connection string of PostgreSQL for the metadata (Npgsql's form); null: SQLite in the data directory.</summary>
    public string? PostgreSql { get; init; }

    /// <summary>The file with the password for <see cref="PostgreSql"/>; null when it needs none, or has it itself.</summary>
    public string? PostgreSqlPasswordFile { get; init; }

    /// <summary>What it takes and how long it keeps it.</summary>
    public RegistryLimits Limits { get; init; } = new();

    /// <summary>Who may do what; null: nobody is asked, and everybody may do everything.</summary>
    public AccessOptions? Access { get; init; }

    /// <summary>How many requests one client may make.</summary>
    public RateLimitOptions RateLimit { get; init; } = new();

    /// <summary>Patterns over <c>REPOSITORY:TAG</c> of tags that never move.</summary>
    public ImmutableArray<string> ImmutableTags { get; init; } = [];

    /// <summary>Which tags are kept; for each repository the first rule that fits.</summary>
    public ImmutableArray<RetentionRule> Retention { get; init; } = [];

    /// <summary>Registries whose content is fetched when it is asked for.</summary>
    public ImmutableArray<UpstreamOptions> Upstreams { get; init; } = [];

    /// <summary>Repositories that are copied here now and then.</summary>
    public ImmutableArray<SyncOptions> Sync { get; init; } = [];

    /// <summary>
    /// How other registries are reached, for <see cref="Upstreams"/> and <see cref="Sync"/>: the proxy and the certificates.
    /// Its credentials and its routing are not used; those belong to each upstream.
    /// </summary>
    public RegistryClientOptions UpstreamClient { get; init; } = new();

    /// <summary>Who is told of what happens.</summary>
    public ImmutableArray<WebhookOptions> Webhooks { get; init; } = [];

    /// <summary>How long events are kept, so that they can be listed and sent again; zero: until every receiver has them.</summary>
    public TimeSpan EventRetention { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Where traces go, an OTLP endpoint for HTTP; null: nowhere.</summary>
    public Uri? TracesEndpoint { get; init; }

    /// <summary><c>/metrics</c> is answered. It has numbers and no names.</summary>
    public bool Metrics { get; init; } = true;

    /// <summary>
    /// A second place to listen, for <c>/metrics</c>, <c>/healthz</c> and <c>/readyz</c> over plain HTTP; <c>/metrics</c> is
    /// only there then. Null: all are where the registry is.
    /// </summary>
    public IPEndPoint? OperationsListen { get; init; }

    /// <summary>What the log has at least.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>Which requests get a line in the log.</summary>
    public AccessLogging AccessLog { get; init; } = AccessLogging.Changes;

    /// <summary>How often garbage is collected.</summary>
    public TimeSpan CollectionInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>In which time every blob is read again and hashed once; zero: never.</summary>
    public TimeSpan ScrubPeriod { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long it serves on once it is told to stop, while <c>/readyz</c> says so: load balancers need that time to turn away.</summary>
    public TimeSpan ShutdownDelay { get; init; }

    /// <summary>How long requests may go on once the server takes no more.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>Which requests get a line in the log.</summary>
public enum AccessLogging
{
    /// <summary>None.</summary>
    None,

    /// <summary>Those that change something or fail. A pull that works is not worth a line: there are thousands in a second.</summary>
    Changes,

    /// <summary>All.</summary>
    All,
}
