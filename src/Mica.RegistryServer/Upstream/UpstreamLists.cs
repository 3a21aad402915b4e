using System.Collections.Immutable;
using Mica.Oci;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Upstream;

/// <summary>
/// Tags and referrers of other registries, as they are over there; what is here stands in when the other registry fails. A
/// list of tags serves for a while, so that paging through it asks once.
/// </summary>
internal sealed class UpstreamLists(MetadataDatabase metadata, RegistryMetrics metrics, TimeProvider time, CancellationToken stopping)
{
    private const int MaxKeptLists = 64;
    private const int MaxKeptTags = 100_000;

    private static readonly TimeSpan s_lifetime = TimeSpan.FromMinutes(1);

    private readonly SingleFlight<string, string[]> _tagFlights = new(stopping);
    private readonly SingleFlight<(string Repository, Digest Subject, string? Type), ImmutableArray<Descriptor>> _referrerFlights =
        new(stopping);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (string[] Tags, long Until)> _kept = new(StringComparer.Ordinal);

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Tags behind <paramref name="last"/> in the order of their bytes; null when what is here has to do.</summary>
    public async Task<List<string>?> TagsAsync(ProtocolRequest request, UpstreamRepository repository, string last, long count)
    {
        Task<int> Here() => metadata.ReadAsync(
            async session => await RepositoryRows.FindAsync(session, repository.Name) is null ? 0 : 1, request.Aborted);
        string[]? all = Kept(repository) ?? await AskAsync(
            request,
            repository,
            () => _tagFlights.RunAsync(repository.Name, stop => ReadTagsAsync(repository, stop), request.Aborted),
            Here);
        int start = all is null ? 0 : Array.BinarySearch(all, last, StringComparer.Ordinal) is var at && at >= 0 ? at + 1 : ~at;
        return all is null ? null : [.. all.AsSpan(start, (int)Math.Min(count, all.Length - start))];
    }

    /// <summary>Referrers behind <paramref name="last"/> by digest; null when what is here has to do.</summary>
    public async Task<List<Referrer>?> ReferrersAsync(
        ProtocolRequest request, UpstreamRepository repository, Digest subject, string? artifactType, string last, long count)
    {
        // Without the subject, that there are no referrers here would say nothing.
        Task<int> Here() => metadata.ReadAsync(
            async session => await ManifestRows.FindAsync(session, repository.Name, subject) is null ? 0 : 1, request.Aborted);
        ImmutableArray<Descriptor> found = await AskAsync(
            request,
            repository,
            () => _referrerFlights.RunAsync(
                (repository.Name, subject, artifactType),
                stop => repository.Registry.AskAsync(
                    repository.Remote, (source, limit) => source.ReferrersAsync(subject, artifactType, limit), stop),
                request.Aborted),
            Here);
        return found.IsDefault ? null : [.. found
            .Select(entry => new Referrer(
                entry.Digest, entry.MediaType, entry.Size, entry.ArtifactType, ManifestReading.Annotations(entry.Annotations)))
            .Where(entry => string.CompareOrdinal(entry.Digest.ToString(), last) > 0)
            .OrderBy(entry => entry.Digest.ToString(), StringComparer.Ordinal)
            .Take((int)count)];
    }

    public Task EndAsync() => Task.WhenAll(_tagFlights.EndAsync(), _referrerFlights.EndAsync());

    /// <summary>
    /// Asks over there, and falls back to the default, with a warning, when that fails and <paramref name="here"/> counts something.
    /// </summary>
    private async Task<T?> AskAsync<T>(ProtocolRequest request, UpstreamRepository repository, Func<Task<T>> ask, Func<Task<int>> here)
    {
        if (repository.Registry.IsOffline)
        {
            return default;
        }

        try
        {
            return !repository.Registry.IsResting || await here() == 0 ? await ask()
                : throw new UpstreamException(ErrorKind.Unavailable, $"{repository.Registry.Host} failed a moment ago", inner: null);
        }
        catch (UpstreamException error)
        {
            if (!error.IsFailure || await here() == 0)
            {
                throw error.Refuse(ErrorCode.NameUnknown);
            }

            metrics.UpstreamStale.Add(1);
            UpstreamException.Warn(request.Response, error.Message);
            return default;
        }
    }

    private async Task<string[]> ReadTagsAsync(UpstreamRepository repository, CancellationToken stop)
    {
        List<string> tags = await repository.Registry.AskAsync(
            repository.Remote,
            async (source, limit) =>
            {
                var read = new List<string>();
                await foreach (string tag in source.TagsAsync(limit))
                {
                    read.Add(tag);
                }

                return read;
            },
            stop);
        string[] sorted = [.. tags.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        Keep(repository, sorted);
        return sorted;
    }

    private string[]? Kept(UpstreamRepository repository)
    {
        lock (_lock)
        {
            return _kept.TryGetValue(repository.Name, out (string[] Tags, long Until) kept) && Now < kept.Until ? kept.Tags : null;
        }
    }

    private void Keep(UpstreamRepository repository, string[] tags)
    {
        // No longer than a tag may be believed.
        long lifetime = (long)Math.Min(s_lifetime.TotalMilliseconds, repository.Registry.TagLifetime.TotalMilliseconds);
        lock (_lock)
        {
            if (_kept.Count >= MaxKeptLists)
            {
                _kept.Remove(_kept.MinBy(kept => kept.Value.Until).Key);
            }

            if (tags.Length <= MaxKeptTags)
            {
                _kept[repository.Name] = (tags, Now + lifetime);
            }
        }
    }
}
