using System.Collections.Immutable;
using Mica.Linux;
using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Collection;
using Mica.RegistryServer.Events;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;
using Mica.RegistryServer.Scrubbing;
using Mica.RegistryServer.Upstream;
using Mica.RegistryServer.Web;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer;

/// <summary>All that a registry is made of, put together in one place, and its work in the background.</summary>
internal sealed class RegistryParts : IAsyncDisposable
{
    private static readonly TimeSpan s_unfinished = TimeSpan.FromHours(1);

    private readonly FileLock? _lock;
    private readonly MetadataDatabase _metadata;
    private readonly IBlobStorage _storage;
    private readonly BackgroundWork _work;
    private readonly AccessDoors? _doors;
    private HttpClient? _webhooks;

    private RegistryParts(FileLock? dataLock, MetadataDatabase metadata, IBlobStorage storage, RegistryServerOptions options, ILoggerFactory logs)
    {
        _lock = dataLock;
        _metadata = metadata;
        _storage = storage;
        RegistryMetrics metrics = Metrics;
        var access = new AccessPolicy(options.Access?.Rules ?? [], isOpen: options.Access is null);
        var requests = new RequestLimits(options.RateLimit, options.Time);
        _doors = options.Access is null ? null : new AccessDoors(options, access, requests, metadata, logs);
        var blobs = new BlobStore(metadata, storage, options.Limits, options.Time);
        var uploads = new Uploads(metadata, storage, options.Limits, options.Time) { Received = metrics.BlobBytesReceived };
        var rules = new TagRules(options.ImmutableTags);
        ImmutableArray<WebhookReceiver> receivers = WebhookReceiver.Of(options);
        var outbox = EventOutbox.Of(options, receivers);
        var manifests = new ManifestStore(metadata, options.Limits, rules, options.Time) { Events = outbox };
        var pulls = new PullLog(metadata, options.Time) { Events = outbox };
        if (!options.Upstreams.IsEmpty)
        {
            Upstreams = new Upstreams(options, metadata, manifests, blobs, uploads, access, metrics, logs.CreateLogger<Upstreams>());
        }

        Collector = new Collector(metadata, storage, options.Limits, options.Time);
        Readiness = new Readiness(metadata, storage, options.Time);
        var gate = new AccessGate(access, requests, _doors);
        Handler = new RegistryHandler(
            new BlobEndpoint(blobs, metrics),
            new UploadEndpoint(blobs, uploads, access),
            new ManifestEndpoint(manifests, access, options.Limits, pulls),
            new ListEndpoint(metadata, access),
            new JournalEndpoint(metadata, manifests),
            new WebPages(metadata, blobs, access, gate.HasSignIn, options.Time, logs.CreateLogger<WebPages>()),
            gate,
            Upstreams,
            metrics,
            logs.CreateLogger<RegistryHandler>());
        _work = new BackgroundWork(options.Time, logs.CreateLogger<BackgroundWork>());
        _work.Add("garbage collection", options.CollectionInterval, async cancellationToken =>
        {
            CollectionReport report = await Collector.RunAsync(cancellationToken);
            metrics.BlobsFreed.Add(report.Blobs);
            metrics.BytesFreed.Add(report.Bytes);
        });
        var retention = new Retention(metadata, options.Retention, rules, options.Time) { Events = outbox };
        _work.Add("retention", TimeSpan.FromHours(1), async cancellationToken =>
        {
            await foreach (RetentionDecision decision in retention.RunAsync(isTrial: false, cancellationToken))
            {
                _ = decision;
            }

            await retention.ForgetUntaggedAsync(cancellationToken);
        });
        _work.Add("changes by others", TimeSpan.FromSeconds(1), metadata.NoticeChangesAsync);
        if (Upstreams is not null)
        {
            _work.Add("expiry of copies", TimeSpan.FromHours(1), Upstreams.ExpireAsync);
        }

        if (!options.Sync.IsEmpty)
        {
            Synchronizer = new Synchronizer(options, manifests, blobs, uploads, access, logs.CreateLogger<Synchronizer>());
            _work.Add("sync", Synchronizer.Interval, cancellationToken => Synchronizer.RunAsync(isAll: false, cancellationToken));
        }

        _work.Add("unfinished uploads", s_unfinished, uploads.RemoveUnfinishedAsync);
        AddEvents(options, receivers, logs);
        if (options.ScrubPeriod > TimeSpan.Zero)
        {
            var scrubber = new Scrubber(metadata, storage, options.ScrubPeriod, metrics, options.Time, logs.CreateLogger<Scrubber>());
            _work.Add("scrub", TimeSpan.FromMinutes(1), scrubber.RunDueAsync);
        }

        _work.Add("pull log", TimeSpan.FromSeconds(10), pulls.WriteAsync, isLast: true);
        if (_doors is not null)
        {
            _work.Add("uses of robots", TimeSpan.FromSeconds(10), _doors.Robots.WriteUsesAsync, isLast: true);
        }
    }

    public RegistryHandler Handler { get; }

    public Collector Collector { get; }

    public RegistryMetrics Metrics { get; } = new();

    public Readiness Readiness { get; }

    /// <summary>Null when nothing is fetched from elsewhere.</summary>
    public Upstreams? Upstreams { get; }

    /// <summary>Null when nothing is to be copied from elsewhere.</summary>
    public Synchronizer? Synchronizer { get; }

    public static async Task<RegistryParts> OpenAsync(RegistryServerOptions options, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.DataDirectory);
        // SQLite's file and a directory of blobs are for one registry; PostgreSQL and S3 are for as many as there are.
        FileLock? dataLock = options.PostgreSql is not null && options.S3 is not null ? null
            : FileLock.TryAcquire(Path.Combine(options.DataDirectory, "lock"), FileLockMode.Exclusive)
            ?? throw new MicaException(ErrorKind.Conflict, $"{options.DataDirectory}: another registry has this directory");
        IBlobStorage? storage = null;
        MetadataDatabase? metadata = null;
        try
        {
            storage = await OpenStorageAsync(options, cancellationToken);
            metadata = await OpenMetadataAsync(options, cancellationToken);
            return new RegistryParts(dataLock, metadata, storage, options, logs);
        }
        catch
        {
            await (metadata?.DisposeAsync() ?? ValueTask.CompletedTask);
            (storage as IDisposable)?.Dispose();
            dataLock?.Dispose();
            throw;
        }
    }

    public static string MetadataFile(RegistryServerOptions options) => Path.Combine(options.DataDirectory, "metadata.db");

    public static async Task<MetadataDatabase> OpenMetadataAsync(RegistryServerOptions options, CancellationToken cancellationToken) =>
        options.PostgreSql is not null
            ? await PostgresDatabase.OpenAsync(await PostgresPassword.ConnectionStringAsync(options, cancellationToken), cancellationToken)
            : await SqliteDatabase.OpenAsync(MetadataFile(options), cancellationToken);

    public static async Task<IBlobStorage> OpenStorageAsync(RegistryServerOptions options, CancellationToken cancellationToken)
    {
        if (options.S3 is null)
        {
            return new FileBlobStorage(Path.Combine(options.DataDirectory, "blobs"));
        }

        var storage = new S3BlobStorage(options.S3, options.Limits.MaxBlobSize, options.Time);
        try
        {
            await storage.ProbeAsync(cancellationToken);
            return storage;
        }
        catch
        {
            storage.Dispose();
            throw;
        }
    }

    public void StartWork() => _work.Start();

    private void AddEvents(RegistryServerOptions options, ImmutableArray<WebhookReceiver> receivers, ILoggerFactory logs)
    {
        foreach (WebhookReceiver receiver in receivers)
        {
            var delivery = new WebhookDelivery(
                receiver, _metadata, _webhooks ??= WebhookDelivery.CreateClient(), Metrics, options.Time, logs.CreateLogger<WebhookDelivery>());
            _work.Add($"webhook {receiver.Name}", TimeSpan.FromSeconds(1), delivery.RunAsync);
        }

        _work.Add("expiry of events", TimeSpan.FromMinutes(10), cancellationToken => _metadata.WriteAsync(
            async session =>
            {
                long before = (options.Time.GetUtcNow() - options.EventRetention).ToUnixTimeMilliseconds();
                await EventRows.ExpireAsync(session, receivers.Select(receiver => receiver.Key), before, 10_000);
            },
            cancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        await _work.DisposeAsync();
        if (Upstreams is not null)
        {
            await Upstreams.DisposeAsync();
        }

        if (Synchronizer is not null)
        {
            await Synchronizer.DisposeAsync();
        }

        _doors?.Dispose();
        _webhooks?.Dispose();
        await _metadata.DisposeAsync();
        (_storage as IDisposable)?.Dispose();
        _lock?.Dispose();
    }
}
