using System.Collections.Immutable;
using System.Net;
using Mica.RegistryServer.Access;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer.Configuration;

/// <summary>The table of everything that can be configured.</summary>
internal static class RegistrySettings
{
    private static readonly TextSetting s_text = new();
    private static readonly TextSetting s_anyText = new(mayBeEmpty: true);
    private static readonly PathSetting s_path = new();
    private static readonly FlagSetting s_flag = new();
    private static readonly AddressSetting s_address = new();
    private static readonly EndpointSetting s_endpoint = new();
    private static readonly DurationSetting s_duration = new();
    private static readonly DurationSetting s_second = new(TimeSpan.FromSeconds(1));
    private static readonly SizeSetting s_size = new(0, long.MaxValue / 2);
    private static readonly NumberSetting s_count = new(0, 1_000_000);
    private static readonly ListSetting<string> s_texts = new(s_text);
    private static readonly ListSetting<string> s_someTexts = new(s_text, least: 1);

    private static readonly Section<TlsOptions> s_tls = new(
        new TlsOptions { CertificateFile = "", KeyFile = "" },
        new Field<TlsOptions, string>(
            "certificateFile", "the certificate with its chain, PEM; read again when it changes", s_path,
            o => o.CertificateFile, (o, v) => o with { CertificateFile = v }, isRequired: true),
        new Field<TlsOptions, string>(
            "keyFile", "its private key, PEM", s_path, o => o.KeyFile, (o, v) => o with { KeyFile = v }, isRequired: true),
        new Field<TlsOptions, string>(
            "clientAuthorityFile", "authorities of client certificates, PEM; without it none are asked for", s_path,
            o => o.ClientAuthorityFile, (o, v) => o with { ClientAuthorityFile = v }),
        new Field<TlsOptions, bool>(
            "requireClientCertificate", "clients without a certificate are refused", s_flag,
            o => o.RequireClientCertificate, (o, v) => o with { RequireClientCertificate = v }))
    {
        Needs = [("requireClientCertificate", "clientAuthorityFile")],
    };

    private static readonly Section<S3Options> s_s3 = new(
        new S3Options { Bucket = "" },
        new Field<S3Options, string>(
            "bucket", "the bucket, which must exist", s_text, o => o.Bucket, (o, v) => o with { Bucket = v }, isRequired: true),
        new Field<S3Options, Uri>(
            "endpoint", "the address of the store; without it Amazon's, by the region", s_address,
            o => o.Endpoint, (o, v) => o with { Endpoint = v }),
        new Field<S3Options, string>(
            "region", "the region that requests are signed for", s_text, o => o.Region, (o, v) => o with { Region = v }),
        new Field<S3Options, string>(
            "prefix", "what keys begin with, such as registry/", s_anyText, o => o.Prefix, (o, v) => o with { Prefix = v }),
        new Field<S3Options, string>(
            "accessKey", "the access key; without it what the environment or the machine's role says", s_text,
            o => o.AccessKey, (o, v) => o with { AccessKey = v }),
        new Field<S3Options, string>(
            "secretKeyFile", "the file with the secret key", s_path, o => o.SecretKeyFile, (o, v) => o with { SecretKeyFile = v }),
        new Field<S3Options, long?>(
            "redirectFrom", "blobs of this size and more are answered with a redirect to a presigned address; without it never",
            new OptionalSetting<long>(s_size), o => o.RedirectFrom, (o, v) => o with { RedirectFrom = v }))
    {
        Needs = [("accessKey", "secretKeyFile"), ("secretKeyFile", "accessKey")],
    };

    private static readonly Section<RegistryLimits> s_limits = new(
        new RegistryLimits(),
        new Field<RegistryLimits, int>(
            "maxManifestSize", "the largest manifest or index, in bytes", new SmallSizeSetting(4 << 20, 64 << 20),
            o => o.MaxManifestSize, (o, v) => o with { MaxManifestSize = v }),
        new Field<RegistryLimits, long>(
            "maxBlobSize", "the largest blob, in bytes", s_size, o => o.MaxBlobSize, (o, v) => o with { MaxBlobSize = v }),
        new Field<RegistryLimits, TimeSpan>(
            "lease", "how long an upload may rest, and a blob stay that no manifest needs", s_second, o => o.Lease, (o, v) => o with { Lease = v }),
        new Field<RegistryLimits, TimeSpan>(
            "grace", "how long a manifest stays that a tag stood for, so that the move can be undone", s_duration,
            o => o.Grace, (o, v) => o with { Grace = v }),
        new Field<RegistryLimits, TimeSpan>(
            "journal", "how long the journal of tags reaches back", s_duration, o => o.Journal, (o, v) => o with { Journal = v }),
        new Field<RegistryLimits, ImmutableSortedDictionary<string, long>>(
            "quotas", "bytes that the repositories below a prefix may have together, each blob counted once", new MapSetting<long>(s_size),
            o => o.Quotas, (o, v) => o with { Quotas = v }));

    private static readonly Section<AccessRule> s_rule = new(
        new AccessRule { Subjects = [], Repositories = [], Rights = Rights.None },
        new Field<AccessRule, ImmutableArray<string>>(
            "subjects", "names of users, robot:NAME, group:NAME, * for everybody with a name, or anonymous for everybody", s_someTexts,
            o => o.Subjects, (o, v) => o with { Subjects = v }, isRequired: true),
        new Field<AccessRule, ImmutableArray<string>>(
            "repositories", "patterns over names of repositories; ** is all of them", s_someTexts,
            o => o.Repositories, (o, v) => o with { Repositories = v }, isRequired: true),
        new Field<AccessRule, Rights>(
            "rights", "what they may do there", new RightsSetting(), o => o.Rights, (o, v) => o with { Rights = v }, isRequired: true));

    private static readonly Section<TokenIssuerOptions> s_issuer = new(
        new TokenIssuerOptions { Issuer = "", Audience = "", Jwks = "" },
        new Field<TokenIssuerOptions, string>(
            "issuer", "the iss claim", s_text, o => o.Issuer, (o, v) => o with { Issuer = v }, isRequired: true),
        new Field<TokenIssuerOptions, string>(
            "audience", "the aud claim", s_text, o => o.Audience, (o, v) => o with { Audience = v }, isRequired: true),
        new Field<TokenIssuerOptions, string>(
            "jwks", "where the issuer's public keys are: an address, or the path of a file", new AddressOrPathSetting(),
            o => o.Jwks, (o, v) => o with { Jwks = v }, isRequired: true),
        new Field<TokenIssuerOptions, Uri>(
            "realm", "where clients get tokens; without it at this registry", s_address, o => o.Realm, (o, v) => o with { Realm = v }));

    private static readonly Section<OpenIdConnectOptions> s_openId = new(
        new OpenIdConnectOptions { Issuer = new Uri("http://invalid/"), ClientId = "" },
        new Field<OpenIdConnectOptions, Uri>(
            "issuer", "the issuer, with its discovery document at /.well-known/openid-configuration", s_address,
            o => o.Issuer, (o, v) => o with { Issuer = v }, isRequired: true),
        new Field<OpenIdConnectOptions, string>(
            "clientId", "the client id that the provider knows this registry by", s_text,
            o => o.ClientId, (o, v) => o with { ClientId = v }, isRequired: true),
        new Field<OpenIdConnectOptions, string>(
            "clientSecretFile", "the file with the client's secret; a public client has none", s_path,
            o => o.ClientSecretFile, (o, v) => o with { ClientSecretFile = v }),
        new Field<OpenIdConnectOptions, string>(
            "nameClaim", "the claim with the user's name", s_text, o => o.NameClaim, (o, v) => o with { NameClaim = v }),
        new Field<OpenIdConnectOptions, string>(
            "groupsClaim", "the claim with the user's groups", s_text, o => o.GroupsClaim, (o, v) => o with { GroupsClaim = v }));

    private static readonly Section<AccessOptions> s_access = new(
        new AccessOptions(),
        new Field<AccessOptions, ImmutableArray<AccessRule>>(
            "rules", "who may do what; what no rule allows is refused", new ListSetting<AccessRule>(s_rule),
            o => o.Rules, (o, v) => o with { Rules = v }),
        new Field<AccessOptions, string>(
            "htpasswdFile", "users with bcrypt passwords, as htpasswd -B writes it; read again when it changes", s_path,
            o => o.HtpasswdFile, (o, v) => o with { HtpasswdFile = v }),
        new Field<AccessOptions, ImmutableSortedDictionary<string, ImmutableArray<string>>>(
            "groups", "groups by name, with the names of their users", new MapSetting<ImmutableArray<string>>(s_texts),
            o => o.Groups, (o, v) => o with { Groups = v }),
        new Field<AccessOptions, string>(
            "tokenKeyFile", "the private key (PEM, P-256) that signs tokens; made when it is not there; replicas need the same", s_path,
            o => o.TokenKeyFile, (o, v) => o with { TokenKeyFile = v }),
        new Field<AccessOptions, TimeSpan>(
            "tokenLifetime", "how long a token is good", s_second, o => o.TokenLifetime, (o, v) => o with { TokenLifetime = v }),
        new Field<AccessOptions, ImmutableArray<TokenIssuerOptions>>(
            "tokenIssuers", "issuers of bearer tokens in docker's form whose word is enough", new ListSetting<TokenIssuerOptions>(s_issuer),
            o => o.TokenIssuers, (o, v) => o with { TokenIssuers = v }),
        new Field<AccessOptions, OpenIdConnectOptions>(
            "openIdConnect", "a provider at which people log in", s_openId, o => o.OpenIdConnect, (o, v) => o with { OpenIdConnect = v }),
        new Field<AccessOptions, string>(
            "auditFile", "a file that gets a line of JSON for each change and each refusal; without it the log has them", s_path,
            o => o.AuditFile, (o, v) => o with { AuditFile = v }));

    private static readonly Section<RateLimitOptions> s_rateLimit = new(
        new RateLimitOptions(),
        new Field<RateLimitOptions, int>(
            "requestsPerSecond", "requests of a client in a second, on average; 0 for any number", s_count,
            o => o.RequestsPerSecond, (o, v) => o with { RequestsPerSecond = v }),
        new Field<RateLimitOptions, int>(
            "burst", "requests at once after a rest; 0 for ten seconds' worth", s_count, o => o.Burst, (o, v) => o with { Burst = v }),
        new Field<RateLimitOptions, int>(
            "failedLoginsPerMinute", "passwords that may be wrong in a minute, for each address", s_count,
            o => o.FailedLoginsPerMinute, (o, v) => o with { FailedLoginsPerMinute = v }));

    private static readonly Section<RetentionRule> s_retention = new(
        new RetentionRule { Repositories = [] },
        new Field<RetentionRule, ImmutableArray<string>>(
            "repositories", "patterns over names of repositories", s_someTexts,
            o => o.Repositories, (o, v) => o with { Repositories = v }, isRequired: true),
        new Field<RetentionRule, int>(
            "keepLast", "so many of the tags that were pushed last", s_count, o => o.KeepLast, (o, v) => o with { KeepLast = v }),
        new Field<RetentionRule, TimeSpan>(
            "keepPulledWithin", "tags whose image was pulled within this time", s_duration,
            o => o.KeepPulledWithin, (o, v) => o with { KeepPulledWithin = v }),
        new Field<RetentionRule, TimeSpan>(
            "keepPushedWithin", "tags that were pushed within this time", s_duration,
            o => o.KeepPushedWithin, (o, v) => o with { KeepPushedWithin = v }),
        new Field<RetentionRule, ImmutableArray<string>>(
            "keepTags", "patterns of tags", s_texts, o => o.KeepTags, (o, v) => o with { KeepTags = v }),
        new Field<RetentionRule, TimeSpan?>(
            "keepUntagged", "how long manifests stay that never had a tag; without it for good", new OptionalSetting<TimeSpan>(s_duration),
            o => o.KeepUntagged, (o, v) => o with { KeepUntagged = v }));

    private static readonly Section<TagLifetime> s_tagLifetime = new(
        new TagLifetime("", TimeSpan.Zero),
        new Field<TagLifetime, string>(
            "tags", "a pattern over REPOSITORY:TAG", s_text, o => o.Tags, (o, v) => o with { Tags = v }, isRequired: true),
        new Field<TagLifetime, TimeSpan>(
            "lifetime", "how long they are believed", s_duration, o => o.Lifetime, (o, v) => o with { Lifetime = v }, isRequired: true));

    private static readonly Section<UpstreamOptions> s_upstream = new(
        new UpstreamOptions { Registry = "" },
        new Field<UpstreamOptions, string>(
            "registry", "the registry, such as docker.io or http://127.0.0.1:5050", s_text,
            o => o.Registry, (o, v) => o with { Registry = v }, isRequired: true),
        new Field<UpstreamOptions, string>(
            "prefix", "the first part of the names here; without it the registry's name", s_anyText,
            o => o.Prefix, (o, v) => o with { Prefix = v }),
        new Field<UpstreamOptions, ImmutableArray<string>>(
            "repositories", "patterns over names of its repositories; what fits none is not fetched", s_texts,
            o => o.Repositories, (o, v) => o with { Repositories = v }),
        new Field<UpstreamOptions, TimeSpan>(
            "tagLifetime", "how long a tag is believed before it is asked for again", s_duration,
            o => o.TagLifetime, (o, v) => o with { TagLifetime = v }),
        new Field<UpstreamOptions, ImmutableArray<TagLifetime>>(
            "tagLifetimes", "other times for some tags; the first that fits", new ListSetting<TagLifetime>(s_tagLifetime),
            o => o.TagLifetimes, (o, v) => o with { TagLifetimes = v }),
        new Field<UpstreamOptions, bool>(
            "offline", "nothing is asked for: what is here is served, however old", s_flag, o => o.IsOffline, (o, v) => o with { IsOffline = v }),
        new Field<UpstreamOptions, TimeSpan>(
            "keepUnpulled", "how long what nobody pulls keeps its tags here; 0 for good", s_duration,
            o => o.KeepUnpulled, (o, v) => o with { KeepUnpulled = v }),
        new Field<UpstreamOptions, string>("user", "the user there", s_text, o => o.User, (o, v) => o with { User = v }),
        new Field<UpstreamOptions, string>(
            "passwordFile", "the file with the user's password", s_path, o => o.PasswordFile, (o, v) => o with { PasswordFile = v }))
    {
        Needs = [("user", "passwordFile"), ("passwordFile", "user")],
    };

    private static readonly Section<SyncOptions> s_sync = new(
        new SyncOptions { Registry = "", Repositories = [] },
        new Field<SyncOptions, string>(
            "registry", "the registry, such as docker.io", s_text, o => o.Registry, (o, v) => o with { Registry = v }, isRequired: true),
        new Field<SyncOptions, ImmutableArray<string>>(
            "repositories", "the repositories, by their full names there", s_someTexts,
            o => o.Repositories, (o, v) => o with { Repositories = v }, isRequired: true),
        new Field<SyncOptions, ImmutableArray<string>>(
            "tags", "patterns over tags; what fits none is left", s_texts, o => o.Tags, (o, v) => o with { Tags = v }),
        new Field<SyncOptions, string>(
            "prefix", "what the names begin with here; empty for the names that they have there", s_anyText,
            o => o.Prefix, (o, v) => o with { Prefix = v }),
        new Field<SyncOptions, TimeSpan>("interval", "how often", s_second, o => o.Interval, (o, v) => o with { Interval = v }),
        new Field<SyncOptions, string>("user", "the user there", s_text, o => o.User, (o, v) => o with { User = v }),
        new Field<SyncOptions, string>(
            "passwordFile", "the file with the user's password", s_path, o => o.PasswordFile, (o, v) => o with { PasswordFile = v }))
    {
        Needs = [("user", "passwordFile"), ("passwordFile", "user")],
    };

    private static readonly Section<WebhookOptions> s_webhook = new(
        new WebhookOptions { Address = new Uri("http://invalid/") },
        new Field<WebhookOptions, Uri>(
            "address", "the receiver", s_address, o => o.Address, (o, v) => o with { Address = v }, isRequired: true),
        new Field<WebhookOptions, ImmutableArray<string>>(
            "events", "kinds of events; none for all but pulls",
            new ListSetting<string>(new ChoiceSetting<string>([("push", "push"), ("tag", "tag"), ("delete", "delete"), ("pull", "pull")])),
            o => o.Events, (o, v) => o with { Events = v }),
        new Field<WebhookOptions, ImmutableArray<string>>(
            "repositories", "patterns over names of repositories", s_texts, o => o.Repositories, (o, v) => o with { Repositories = v }),
        new Field<WebhookOptions, string>(
            "secretFile", "the file with the key of the signature; without it events are not signed", s_path,
            o => o.SecretFile, (o, v) => o with { SecretFile = v }),
        new Field<WebhookOptions, TimeSpan>(
            "retention", "how long an event is tried before it is given up", s_second, o => o.Retention, (o, v) => o with { Retention = v }));

    public static RegistryServerOptions Initial { get; } = new() { DataDirectory = "" };

    public static Section<RegistryServerOptions> All { get; } = new(
        Initial,
        new Field<RegistryServerOptions, string>(
            "dataDirectory", "the directory with everything that the registry keeps, but for what is in S3 and PostgreSQL", s_path,
            o => o.DataDirectory.Length == 0 ? null : o.DataDirectory, (o, v) => o with { DataDirectory = v }),
        new Field<RegistryServerOptions, IPEndPoint>(
            "listen", "where it listens; port 0 takes a free one", s_endpoint, o => o.Listen, (o, v) => o with { Listen = v }),
        new Field<RegistryServerOptions, Uri>(
            "publicAddress", "how clients reach it; without it as the request says", s_address,
            o => o.PublicAddress, (o, v) => o with { PublicAddress = v }),
        new Field<RegistryServerOptions, TlsOptions>("tls", "TLS; without it plain HTTP", s_tls, o => o.Tls, (o, v) => o with { Tls = v }),
        new Field<RegistryServerOptions, S3Options>(
            "s3", "where blobs are in a store that speaks S3; without it below the data directory", s_s3, o => o.S3, (o, v) => o with { S3 = v }),
        new Field<RegistryServerOptions, string>(
            "postgreSql", "the connection string of PostgreSQL (Host=…;Database=…;Username=…); without it SQLite in the data directory",
            new ConnectionSetting(), o => o.PostgreSql, (o, v) => o with { PostgreSql = v }),
        new Field<RegistryServerOptions, string>(
            "postgreSqlPasswordFile", "the file with the password for PostgreSQL", s_path,
            o => o.PostgreSqlPasswordFile, (o, v) => o with { PostgreSqlPasswordFile = v }),
        new Field<RegistryServerOptions, RegistryLimits>(
            "limits", "what it takes and how long it keeps it", s_limits, o => o.Limits, (o, v) => o with { Limits = v }),
        new Field<RegistryServerOptions, AccessOptions>(
            "access", "who may do what; without it everybody may do everything", s_access, o => o.Access, (o, v) => o with { Access = v }),
        new Field<RegistryServerOptions, RateLimitOptions>(
            "rateLimit", "how many requests one client may make", s_rateLimit, o => o.RateLimit, (o, v) => o with { RateLimit = v }),
        new Field<RegistryServerOptions, ImmutableArray<string>>(
            "immutableTags", "patterns over REPOSITORY:TAG of tags that never move", s_texts,
            o => o.ImmutableTags, (o, v) => o with { ImmutableTags = v }),
        new Field<RegistryServerOptions, ImmutableArray<RetentionRule>>(
            "retention", "which tags are kept; for each repository the first rule that fits", new ListSetting<RetentionRule>(s_retention),
            o => o.Retention, (o, v) => o with { Retention = v }),
        new Field<RegistryServerOptions, ImmutableArray<UpstreamOptions>>(
            "upstreams", "registries whose content is fetched when it is asked for", new ListSetting<UpstreamOptions>(s_upstream),
            o => o.Upstreams, (o, v) => o with { Upstreams = v }),
        new Field<RegistryServerOptions, ImmutableArray<SyncOptions>>(
            "sync", "repositories that are copied here now and then", new ListSetting<SyncOptions>(s_sync),
            o => o.Sync, (o, v) => o with { Sync = v }),
        new Field<RegistryServerOptions, ImmutableArray<WebhookOptions>>(
            "webhooks", "who is told of what happens", new ListSetting<WebhookOptions>(s_webhook),
            o => o.Webhooks, (o, v) => o with { Webhooks = v }),
        new Field<RegistryServerOptions, TimeSpan>(
            "eventRetention", "how long events are kept to be listed and sent again", s_duration,
            o => o.EventRetention, (o, v) => o with { EventRetention = v }),
        new Field<RegistryServerOptions, Uri>(
            "tracesEndpoint", "where traces go, an OTLP endpoint for HTTP; /v1/traces is added to an address without a path", s_address,
            o => o.TracesEndpoint, (o, v) => o with { TracesEndpoint = v }),
        new Field<RegistryServerOptions, bool>(
            "metrics", "/metrics is answered", s_flag, o => o.Metrics, (o, v) => o with { Metrics = v }),
        new Field<RegistryServerOptions, IPEndPoint>(
            "operationsListen", "a second place to listen, plain HTTP, for /metrics, /healthz and /readyz; /metrics is then only there", s_endpoint,
            o => o.OperationsListen, (o, v) => o with { OperationsListen = v }),
        new Field<RegistryServerOptions, LogLevel>(
            "logLevel", "what the log has at least",
            new ChoiceSetting<LogLevel>(
                [("debug", LogLevel.Debug), ("information", LogLevel.Information), ("warning", LogLevel.Warning), ("error", LogLevel.Error)]),
            o => o.LogLevel, (o, v) => o with { LogLevel = v }),
        new Field<RegistryServerOptions, AccessLogging>(
            "accessLog", "which requests are logged: none, those that change something or fail, or all",
            new ChoiceSetting<AccessLogging>([("none", AccessLogging.None), ("changes", AccessLogging.Changes), ("all", AccessLogging.All)]),
            o => o.AccessLog, (o, v) => o with { AccessLog = v }),
        new Field<RegistryServerOptions, TimeSpan>(
            "collectionInterval", "how often garbage is collected", s_second,
            o => o.CollectionInterval, (o, v) => o with { CollectionInterval = v }),
        new Field<RegistryServerOptions, TimeSpan>(
            "scrubPeriod", "in which time every blob is read again and hashed once; 0 for never", s_duration,
            o => o.ScrubPeriod, (o, v) => o with { ScrubPeriod = v }),
        new Field<RegistryServerOptions, TimeSpan>(
            "shutdownDelay", "how long it goes on while /readyz says that it ends, so that load balancers turn away", s_duration,
            o => o.ShutdownDelay, (o, v) => o with { ShutdownDelay = v }),
        new Field<RegistryServerOptions, TimeSpan>(
            "shutdownTimeout", "how long requests may go on once it takes no more", s_duration,
            o => o.ShutdownTimeout, (o, v) => o with { ShutdownTimeout = v }))
    {
        Needs = [("postgreSqlPasswordFile", "postgreSql")],
        Check = static o => o.Webhooks.GroupBy(hook => hook.Address).FirstOrDefault(group => group.Count() > 1) is { } twice
            ? $"webhooks has {twice.Key.Host} with the same address twice"
            : null,
    };
}
