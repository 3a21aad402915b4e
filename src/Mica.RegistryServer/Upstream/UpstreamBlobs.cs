using System.Globalization;
using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer.Upstream;

/// <summary>
/// Blobs of other registries that are not here yet. Each is fetched once for all who ask for it through a repository, and is in
/// the store when it is whole and verified; several replicas fetch each for themselves.
/// </summary>
internal sealed partial class UpstreamBlobs
{
    private readonly MetadataDatabase _metadata;
    private readonly BlobStore _blobs;
    private readonly Uploads _uploads;
    private readonly AccessPolicy _access;
    private readonly RegistryLimits _limits;
    private readonly RegistryMetrics _metrics;
    private readonly ILogger _log;
    private readonly CancellationToken _stopping;
    private readonly string _directory;
    private readonly SingleFlight<(string Repository, Digest Digest), long?> _sizes;
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Repository, Digest Digest), BlobFlight> _flights = [];
    private readonly Dictionary<BlobFlight, Task> _running = [];
    private long _count;

    /// <param name="directory">For what is on its way; what a process that was killed left there is removed.</param>
    /// <param name="metadata">The database.</param>
    /// <param name="blobs">Where blobs are.</param>
    /// <param name="uploads">How they get there.</param>
    /// <param name="access">Who may read what.</param>
    /// <param name="limits">What is too big.</param>
    /// <param name="metrics">What is counted.</param>
    /// <param name="log">For what nobody waits for.</param>
    /// <param name="stopping">Ends all transfers.</param>
    public UpstreamBlobs(
        string directory, MetadataDatabase metadata, BlobStore blobs, Uploads uploads, AccessPolicy access, RegistryLimits limits,
        RegistryMetrics metrics, ILogger log, CancellationToken stopping)
    {
        (_directory, _metadata, _blobs, _uploads, _access, _limits, _metrics, _log, _stopping) =
            (directory, metadata, blobs, uploads, access, limits, metrics, log, stopping);
        _sizes = new SingleFlight<(string, Digest), long?>(stopping);
        Directory.CreateDirectory(directory);
        foreach (string left in Directory.EnumerateFiles(directory))
        {
            File.Delete(left);
        }
    }

    /// <summary>
    /// Finds a blob that the repository does not have here; null when it does not have it over there either. The caller disposes
    /// the result.
    /// </summary>
    /// <exception cref="RefusedException">The other registry fails.</exception>
    public async Task<UpstreamBlob?> FindAsync(UpstreamRepository repository, Digest digest, bool isHead, CancellationToken cancellationToken)
    {
        try
        {
            if (Follow(repository, digest) is { } running)
            {
                return await BeginAsync(running, cancellationToken);
            }

            // A flight that has just landed.
            if (await _blobs.FindAsync(repository.Name, digest, hold: false, cancellationToken) is { } landed)
            {
                _metrics.UpstreamHits.Add(1);
                return new UpstreamBlob(landed, null);
            }

            long? there = null;
            long? size = await KnownSizeAsync(repository, digest, cancellationToken);
            if (size is null && !repository.Registry.IsOffline)
            {
                size = there = await LookAsync(repository, digest, cancellationToken);
            }

            if (size is not { } known)
            {
                return null;
            }

            if (await LinkAsync(repository, digest, isThere: there is not null, cancellationToken) is { } linked)
            {
                return new UpstreamBlob(linked, null);
            }

            return repository.Registry.IsOffline ? null
                : !isHead ? await BeginAsync(Start(repository, digest, known), cancellationToken)
                : (there ?? await LookAsync(repository, digest, cancellationToken)) is { } found
                ? new UpstreamBlob(new StoredBlob(digest, found, "", 0), null)
                : null;
        }
        catch (UpstreamException error)
        {
            throw error.Refuse(ErrorCode.BlobUnknown);
        }
    }

    /// <summary>Returns when nothing is under way any more, once everything was told to stop.</summary>
    public async Task EndAsync()
    {
        await _sizes.EndAsync();
        Task[] flights;
        lock (_lock)
        {
            flights = [.. _running.Values];
        }

        await Task.WhenAll(flights);
    }

    /// <summary>How big the blob is by a manifest of the repository that needs it; null when there is none here.</summary>
    private async Task<long?> KnownSizeAsync(UpstreamRepository repository, Digest digest, CancellationToken cancellationToken)
    {
        List<StoredManifest> needers = await _metadata.ReadAsync(
            session => UpstreamRows.NeedersAsync(session, repository.Name, digest), cancellationToken);
        return needers
            .SelectMany(manifest => ManifestDocument.Children(manifest.Content.Span, manifest.MediaType))
            .FirstOrDefault(child => child.Digest == digest)?.Size;
    }

    /// <summary>Whether the repository over there has the blob, and how big it is.</summary>
    private Task<long?> LookAsync(UpstreamRepository repository, Digest digest, CancellationToken cancellationToken) => _sizes.RunAsync(
        (repository.Name, digest),
        stop => repository.Registry.AskAsync(repository.Remote, (source, limit) => source.FindBlobAsync(digest, limit), stop),
        cancellationToken);

    /// <summary>
    /// Gives the repository the bytes that another one has here: one that everybody may read, or, if the other registry itself
    /// says that the repository has the blob, one of the same registry. What only some may read must not become readable because
    /// a stranger's manifest names it.
    /// </summary>
    private async Task<StoredBlob?> LinkAsync(UpstreamRepository repository, Digest digest, bool isThere, CancellationToken cancellationToken)
    {
        List<string> owners = await _metadata.ReadAsync(session => BlobRows.RepositoriesAsync(session, digest), cancellationToken);
        bool IsPublic(string owner) => _access.Allows(Principal.Anonymous, owner, Rights.Read);
        bool IsSibling(string owner) => owner.StartsWith(repository.Registry.Prefix + "/", StringComparison.Ordinal);
        bool isPublic = owners.Any(IsPublic);
        if (!isPublic && (!owners.Any(IsSibling) || repository.Registry.IsOffline
            || !(isThere || await LookAsync(repository, digest, cancellationToken) is not null)))
        {
            return null;
        }

        if (!await _blobs.MountAsync(repository.Name, digest, source: null, isPublic ? IsPublic : IsSibling, cancellationToken))
        {
            return null;
        }

        _metrics.UpstreamHits.Add(1);
        return await _blobs.FindAsync(repository.Name, digest, hold: false, cancellationToken);
    }

    private BlobFlight? Follow(UpstreamRepository repository, Digest digest)
    {
        lock (_lock)
        {
            if (!_flights.TryGetValue((repository.Name, digest), out BlobFlight? running) || !running.TryFollow())
            {
                return null;
            }

            _metrics.UpstreamHits.Add(1);
            return running;
        }
    }

    private BlobFlight Start(UpstreamRepository repository, Digest digest, long size)
    {
        if (size < 0 || size > _limits.MaxBlobSize)
        {
            throw new RefusedException(ErrorCode.TooLarge, $"{digest} has {size} bytes; {_limits.MaxBlobSize} are taken");
        }

        lock (_lock)
        {
            if (Follow(repository, digest) is { } running)
            {
                return running;
            }

            string path = Path.Combine(_directory, (++_count).ToString(CultureInfo.InvariantCulture));
            var descriptor = new Descriptor { MediaType = "application/octet-stream", Digest = digest, Size = size };
            var flight = new BlobFlight(descriptor, path, _stopping);
            flight.TryFollow();
            _flights[(repository.Name, digest)] = flight;
            _running[flight] = Task.Run(() => FlyAsync(flight, repository), CancellationToken.None);
            return flight;
        }
    }

    private async Task FlyAsync(BlobFlight flight, UpstreamRepository repository)
    {
        Exception? failure = null;
        try
        {
            _metrics.UpstreamFetches.Add(1);
            await repository.Registry.TransferAsync(
                repository.Remote,
                async (source, cancellationToken) =>
                {
                    await using Stream bytes = await source.OpenUnverifiedAsync(flight.Descriptor, 0, cancellationToken);
                    await flight.ReceiveAsync(bytes);
                    return true;
                },
                flight.Abandoned);
            await _uploads.AdoptAsync(
                repository.Name, UpstreamRows.Who, flight.Descriptor.Digest, flight.Path, flight.Descriptor.Size, CancellationToken.None);
        }
        catch (Exception error)
        {
            failure = error;
            if (error is not OperationCanceledException)
            {
                Exception? bug = error is MicaException or RefusedException or IOException ? null : error;
                Failed(_log, repository.Name, flight.Descriptor.Digest.ToString(), error.Message, bug);
            }
        }
        finally
        {
            lock (_lock)
            {
                _running.Remove(flight);
                if (_flights.TryGetValue((repository.Name, flight.Descriptor.Digest), out BlobFlight? current) && current == flight)
                {
                    _flights.Remove((repository.Name, flight.Descriptor.Digest));
                }
            }

            flight.End(failure);
            flight.Dispose();
            File.Delete(flight.Path);
        }
    }

    /// <summary>Waits for the first bytes: a failure before them still gets an answer of its own.</summary>
    private static async Task<UpstreamBlob> BeginAsync(BlobFlight flight, CancellationToken cancellationToken)
    {
        try
        {
            await flight.ArriveAsync(0, flight.Descriptor.Size, cancellationToken);
            return new UpstreamBlob(new StoredBlob(flight.Descriptor.Digest, flight.Descriptor.Size, "", 0), flight);
        }
        catch
        {
            flight.Leave();
            throw;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: {Digest} was not fetched: {Reason}")]
    private static partial void Failed(ILogger log, string repository, string digest, string reason, Exception? bug);
}

/// <summary>A blob of another registry.</summary>
/// <param name="Blob">The blob; without a key when its bytes are not in the store.</param>
/// <param name="Flight">What brings the bytes; null when they are in the store, or nobody asked for them.</param>
internal sealed record UpstreamBlob(StoredBlob Blob, BlobFlight? Flight) : IDisposable
{
    public void Dispose() => Flight?.Leave();
}
