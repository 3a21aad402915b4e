using Mica.Oci;
using Mica.Registry;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Upstream;

/// <summary>A manifest of another registry.</summary>
/// <param name="Manifest">As it is here now.</param>
/// <param name="Warning">Why it may not be what it is over there; null when it is.</param>
internal sealed record UpstreamManifest(StoredManifest Manifest, string? Warning);

/// <summary>
/// Manifests of other registries. What has a digest is asked for once; a tag is believed for its lifetime, then looked at by a
/// HEAD. When the other registry fails, what is here stands in.
/// </summary>
internal sealed class UpstreamManifests(
    MetadataDatabase metadata, ManifestStore manifests, TagRules rules, RegistryMetrics metrics, TimeProvider time, CancellationToken stopping)
{
    /// <summary>How long somebody waits for news who could have what is here at once.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly SingleFlight<(string Repository, string Reference), StoredManifest?> _flights = new(stopping);

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>What a tag or digest stands for; null when there is no such thing, or it is not here and nobody may be asked.</summary>
    /// <exception cref="RefusedException">The other registry fails, and nothing is here.</exception>
    public async Task<UpstreamManifest?> FindAsync(UpstreamRepository repository, string reference, CancellationToken cancellationToken)
    {
        UpstreamRegistry registry = repository.Registry;
        StoredManifest? here = await manifests.FindAsync(repository.Name, reference, cancellationToken);
        if (here is not null && await IsFreshAsync(repository, reference, cancellationToken))
        {
            metrics.UpstreamHits.Add(1);
            return new UpstreamManifest(here, null);
        }

        if (registry.IsOffline)
        {
            return null;
        }

        if (here is not null && registry.IsResting)
        {
            return Stale(here, $"{registry.Host} failed a moment ago");
        }

        try
        {
            Task<StoredManifest?> flight = _flights.RunAsync(
                (repository.Name, reference), stop => FetchAsync(repository, reference, stop), cancellationToken);
            StoredManifest? found = here is null ? await flight : await flight.WaitAsync(s_patience, time, cancellationToken);
            return found is null ? null : new UpstreamManifest(found, null);
        }
        catch (UpstreamException error) when (here is not null && error.IsFailure)
        {
            return Stale(here, error.Message);
        }
        catch (TimeoutException) when (here is not null)
        {
            return Stale(here, $"{registry.Host} takes its time");
        }
        catch (UpstreamException error)
        {
            throw error.Refuse(ErrorCode.ManifestUnknown);
        }
    }

    public Task EndAsync() => _flights.EndAsync();

    private UpstreamManifest Stale(StoredManifest here, string reason)
    {
        metrics.UpstreamStale.Add(1);
        return new UpstreamManifest(here, reason);
    }

    /// <summary>Whether what is here needs no look over there. An immutable tag never does.</summary>
    private async ValueTask<bool> IsFreshAsync(UpstreamRepository repository, string reference, CancellationToken cancellationToken)
    {
        if (repository.Registry.IsOffline || reference.Contains(':', StringComparison.Ordinal) || rules.IsImmutable(repository.Name, reference))
        {
            return true;
        }

        long? when = await metadata.ReadAsync(session => UpstreamRows.CheckedAsync(session, repository.Name, reference), cancellationToken);
        return when is { } looked && Now < looked + (long)repository.Registry.LifetimeOf(repository.Remote, reference).TotalMilliseconds;
    }

    private async Task<StoredManifest?> FetchAsync(UpstreamRepository repository, string reference, CancellationToken stop)
    {
        if (reference.Contains(':', StringComparison.Ordinal))
        {
            return await GetAsync(repository, reference, stop) is { } document ? await StoreAsync(repository, document, tag: null, stop) : null;
        }

        // Again: the flight before this one may have brought it.
        StoredManifest? here = await manifests.FindAsync(repository.Name, reference, stop);
        if (here is not null && await IsFreshAsync(repository, reference, stop))
        {
            return here;
        }

        if (here is not null && await LookAsync(repository, reference, stop) is var there
            && (there is null || await MoveAsync(repository, reference, there.Digest, stop)))
        {
            return there is null
                ? await DropAsync(repository, reference, stop)
                : await manifests.FindAsync(repository.Name, there.Digest.ToString(), stop);
        }

        return await GetAsync(repository, reference, stop) is { } fetched
            ? await StoreAsync(repository, fetched, reference, stop)
            : await DropAsync(repository, reference, stop);
    }

    /// <summary>A HEAD: registries do not count it as a pull.</summary>
    private static Task<Descriptor?> LookAsync(UpstreamRepository repository, string tag, CancellationToken stop) =>
        repository.Registry.AskAsync(repository.Remote, (source, limit) => source.ResolveAsync(tag, limit).AsTask(), stop);

    private async Task<FetchedManifest?> GetAsync(UpstreamRepository repository, string reference, CancellationToken stop)
    {
        metrics.UpstreamFetches.Add(1);
        return await repository.Registry.AskAsync(
            repository.Remote, (source, limit) => source.FetchManifestAsync(reference, limit).AsTask(), stop);
    }

    private Task<bool> MoveAsync(UpstreamRepository repository, string tag, Digest digest, CancellationToken stop) =>
        metadata.WriteAsync(session => UpstreamRows.MoveAsync(session, repository.Name, tag, digest, Now), stop);

    private async Task<StoredManifest> StoreAsync(UpstreamRepository repository, FetchedManifest fetched, string? tag, CancellationToken stop)
    {
        var manifest = new StoredManifest
        {
            Digest = fetched.Descriptor.Digest,
            MediaType = fetched.Descriptor.MediaType,
            Content = fetched.Content,
        };
        ManifestLinks links;
        try
        {
            links = ManifestReading.Read(manifest.Content, manifest.MediaType);
        }
        catch (RefusedException error)
        {
            throw new UpstreamException(
                ErrorKind.ContentMismatch, $"{repository.Registry.Host} has an invalid manifest {manifest.Digest}: {error.Message}", error);
        }

        await metadata.WriteAsync(session => UpstreamRows.PutAsync(session, repository.Name, manifest, links, tag, Now), stop);
        return manifest;
    }

    /// <summary>There is no such tag over there any more, and so none here.</summary>
    private async Task<StoredManifest?> DropAsync(UpstreamRepository repository, string tag, CancellationToken stop)
    {
        if (await manifests.FindAsync(repository.Name, tag, stop) is not null)
        {
            await metadata.WriteAsync(session => UpstreamRows.RemoveTagAsync(session, repository.Name, tag, Now), stop);
        }

        return null;
    }
}
