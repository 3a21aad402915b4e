using System.Collections.Immutable;
using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Collection;
using Mica.RegistryServer.Events;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Scrubbing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mica.RegistryServer;

/// <summary>
/// The data of a registry, opened to look after it: beside a server that serves it, or without one. A server sees within a
/// second what is changed here.
/// </summary>
public sealed class RegistryData : IAsyncDisposable
{
    private readonly MetadataDatabase _metadata;
    private readonly IBlobStorage _storage;
    private readonly RegistryServerOptions _options;

    private RegistryData(MetadataDatabase metadata, IBlobStorage storage, RegistryServerOptions options)
    {
        _metadata = metadata;
        _storage = storage;
        _options = options;
    }

    /// <summary>Opens data that must be there already.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: no registry has ever kept anything there.</exception>
    public static async Task<RegistryData> OpenAsync(RegistryServerOptions options, CancellationToken cancellationToken)
    {
        if (options.PostgreSql is null && !File.Exists(RegistryParts.MetadataFile(options)))
        {
            throw new MicaException(ErrorKind.NotFound, $"{options.DataDirectory}: no registry has its data here; --data says where it is");
        }

        IBlobStorage storage = await RegistryParts.OpenStorageAsync(options, cancellationToken);
        try
        {
            return new RegistryData(await RegistryParts.OpenMetadataAsync(options, cancellationToken), storage, options);
        }
        catch
        {
            (storage as IDisposable)?.Dispose();
            throw;
        }
    }

    /// <summary>The programs that may come in.</summary>
    public RegistryRobots Robots => new(_metadata, _options.Time);

    /// <summary>Removes at once what the server's next rounds of garbage collection would.</summary>
    public Task<CollectionReport> CollectAsync(CancellationToken cancellationToken) =>
        new Collector(_metadata, _storage, _options.Limits, _options.Time).RunAsync(cancellationToken);

    /// <summary>What keeps a blob or a manifest, a line for each reason; empty when there is nothing of that digest.</summary>
    public Task<ImmutableArray<string>> ExplainAsync(Digest digest, CancellationToken cancellationToken) => _metadata.ReadAsync(
        session => BlobExplanation.OfAsync(session, digest, _options.Limits, _options.Time.GetUtcNow().ToUnixTimeMilliseconds()),
        cancellationToken);

    /// <summary>What the retention rules say of each tag; removes what they do not keep unless it is a trial.</summary>
    public IAsyncEnumerable<RetentionDecision> RetainAsync(bool isTrial, CancellationToken cancellationToken) =>
        new Retention(_metadata, _options.Retention, new TagRules(_options.ImmutableTags), _options.Time)
        {
            Events = EventOutbox.Of(_options, WebhookReceiver.Of(_options)),
        }.RunAsync(isTrial, cancellationToken);

    /// <summary>Reads every blob and every manifest again, marks what is damaged, and removes bytes that nothing leads to.</summary>
    public Task<ScrubReport> ScrubAsync(CancellationToken cancellationToken) =>
        new Scrubber(_metadata, _storage, _options.ScrubPeriod, new RegistryMetrics(), _options.Time, NullLogger<Scrubber>.Instance)
            .RunAllAsync(cancellationToken);

    /// <summary>The last events, newest first.</summary>
    /// <param name="repository">Of one repository; null for all.</param>
    /// <param name="count">At most so many.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<ImmutableArray<RegistryEvent>> EventsAsync(string? repository, int count, CancellationToken cancellationToken) =>
        [.. await _metadata.ReadAsync(session => EventRows.ListAsync(session, repository ?? "", 0, long.MaxValue, count), cancellationToken)];

    /// <summary>Has an event sent again to every receiver that wants its kind; tells how many there are.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: there is no such event any more.</exception>
    public Task<int> ReplayAsync(long id, CancellationToken cancellationToken)
    {
        ImmutableArray<WebhookReceiver> receivers = Receivers();
        return _metadata.WriteAsync(
            async session =>
            {
                RegistryEvent found = await EventRows.FindAsync(session, id)
                    ?? throw new MicaException(ErrorKind.NotFound, $"event {id}: there is none; it may be too old");
                return await QueueAsync(session, found, receivers);
            },
            cancellationToken);
    }

    /// <summary>The same with all events behind one; tells how many events.</summary>
    public Task<int> ReplayAfterAsync(long id, CancellationToken cancellationToken)
    {
        ImmutableArray<WebhookReceiver> receivers = Receivers();
        return _metadata.WriteAsync(
            async session =>
            {
                List<RegistryEvent> events = await EventRows.ListAsync(session, "", id, long.MaxValue, long.MaxValue);
                foreach (RegistryEvent one in events)
                {
                    await QueueAsync(session, one, receivers);
                }

                return events.Count;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _metadata.DisposeAsync();
        (_storage as IDisposable)?.Dispose();
    }

    private ImmutableArray<WebhookReceiver> Receivers() => _options.Webhooks.IsEmpty
        ? throw new MicaException(ErrorKind.InvalidArgument, "the configuration has no webhooks; --config says which it is")
        : WebhookReceiver.Of(_options);

    private async ValueTask<int> QueueAsync(SqlSession session, RegistryEvent one, IEnumerable<WebhookReceiver> receivers)
    {
        int count = 0;
        foreach (WebhookReceiver receiver in receivers.Where(receiver => receiver.Wants(one.Kind, one.Repository)))
        {
            await EventRows.QueueAsync(session, receiver.Key, one.Repository, one.Id, _options.Time.GetUtcNow().ToUnixTimeMilliseconds());
            count++;
        }

        return count;
    }
}
