using System.Collections.Concurrent;
using Mica.Oci;
using Mica.RegistryServer.Events;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Manifests;

/// <summary>Which manifests were pulled, gathered in memory and written now and then: a pull must not cost a write.</summary>
internal sealed class PullLog(MetadataDatabase metadata, TimeProvider time)
{
    private readonly ConcurrentDictionary<(string Repository, Digest Digest), long> _pulls = new();

    /// <summary>Takes news of pulls, as many together as there were since the last time; null where nobody wants to know.</summary>
    public EventOutbox? Events { get; init; }

    public void Add(string repository, Digest digest) => _pulls.AddOrUpdate((repository, digest), 1, static (_, count) => count + 1);

    /// <summary>Writes what has been gathered. What a kill loses is the news of some seconds, never more.</summary>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        var taken = new List<(string Repository, Digest Digest, long Count)>();
        foreach ((string Repository, Digest Digest) key in _pulls.Keys)
        {
            if (_pulls.TryRemove(key, out long count))
            {
                taken.Add((key.Repository, key.Digest, count));
            }
        }

        if (taken.Count == 0)
        {
            return;
        }

        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        await metadata.WriteAsync(
            async session =>
            {
                session.LeavesManifests = true;
                foreach ((string repository, Digest digest, long count) in taken)
                {
                    await ManifestRows.PulledAsync(session, repository, digest, count, now);
                    if (Events is not null)
                    {
                        await Events.PulledAsync(session, repository, digest, count, now);
                    }
                }
            },
            cancellationToken);
    }
}
