using Mica.Oci;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Collection;

/// <summary>What a round of garbage collection removed.</summary>
public sealed record CollectionReport
{
    /// <summary>Uploads that nobody went on with.</summary>
    public int Uploads { get; init; }

    /// <summary>Manifests that nothing stands for any more.</summary>
    public int Manifests { get; init; }

    /// <summary>Blobs that no repository has any more.</summary>
    public int Blobs { get; init; }

    /// <summary>The bytes of those blobs.</summary>
    public long Bytes { get; init; }

    /// <summary>Repositories that had nothing left.</summary>
    public int Repositories { get; init; }

    /// <summary>Nothing was there to remove.</summary>
    public bool IsEmpty => Uploads + Manifests + Blobs + Repositories == 0;
}

/// <summary>
/// Online garbage collection. Each step is a short transaction that finds by index what nothing needs, so the registry takes
/// and serves meanwhile, and any number of collectors may run at once. Bytes go last, when no row leads to them; a collector
/// that dies leaves rows marked as doomed, and the next one goes on with them.
/// </summary>
internal sealed class Collector(MetadataDatabase metadata, IBlobStorage storage, RegistryLimits limits, TimeProvider time)
{
    private const long Batch = 500;
    private const long Hour = 3_600_000;

    private long _nextRepositories;

    /// <summary>Removes all that may go now.</summary>
    public async Task<CollectionReport> RunAsync(CancellationToken cancellationToken)
    {
        var report = new CollectionReport
        {
            Uploads = await AbandonUploadsAsync(cancellationToken),
            Manifests = await RepeatAsync(ReviewManifestsAsync, cancellationToken),
        };
        await RepeatAsync(ForgetMovesAsync, cancellationToken);
        int links = await RepeatAsync(ReviewLinksAsync, cancellationToken);
        (int blobs, long bytes) = await RemoveBlobsAsync(cancellationToken);
        report = report with { Blobs = blobs, Bytes = bytes };

        // To find what is empty is to look at every repository: not each minute when nothing went.
        long now = Now;
        if (report.Manifests + links == 0 && now < _nextRepositories)
        {
            return report;
        }

        _nextRepositories = now + Hour;
        return report with { Repositories = await metadata.WriteAsync(RemoveRepositoriesAsync, cancellationToken) };
    }

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Repeats until there is nothing to look at: what is removed may have been what kept something else.</summary>
    private async Task<int> RepeatAsync(Func<SqlSession, ValueTask<(int Looked, int Removed)>> step, CancellationToken cancellationToken)
    {
        int sum = 0;
        while (await metadata.WriteAsync(step, cancellationToken) is { Looked: > 0 } round)
        {
            sum += round.Removed;
        }

        return sum;
    }

    private async Task<int> AbandonUploadsAsync(CancellationToken cancellationToken)
    {
        long before = Now - (long)limits.Lease.TotalMilliseconds;
        int sum = 0;
        while (true)
        {
            List<Upload> abandoned = await metadata.ReadAsync(session => UploadRows.AbandonedAsync(session, before, Batch), cancellationToken);
            foreach (Upload upload in abandoned)
            {
                // The row first: who completes the upload now finds none. Bytes that a kill leaves here are the scrub's.
                bool isOurs = await metadata.WriteAsync(
                    async session => await session.RunAsync("DELETE FROM uploads WHERE id = $1 AND touched < $2", upload.Id, before) > 0,
                    cancellationToken);
                if (isOurs)
                {
                    await storage.AbandonAsync(upload, CancellationToken.None);
                    sum++;
                }
            }

            if (abandoned.Count < Batch)
            {
                return sum;
            }
        }
    }

    /// <summary>
    /// Looks at manifests whose time has come. Those without a tag, an index or a subject in their repository go when that has
    /// been so for the grace time; a referrer goes with its subject. The others are looked at when it may be otherwise, so a
    /// round costs what has changed, not what there is.
    /// </summary>
    private async ValueTask<(int Looked, int Removed)> ReviewManifestsAsync(SqlSession session)
    {
        long now = Now, grace = (long)limits.Grace.TotalMilliseconds;
        List<(long Repository, string Digest, long Since, bool IsForGood, string? Subject)> due = await session.ListAsync(
            "SELECT repository, digest, untagged, pulled, pushed, subject FROM manifests WHERE due <= $1 ORDER BY due LIMIT $2",
            static row => (
                row.GetInt64(0),
                row.GetString(1),
                Math.Max(row.GetInt64(2) == StoredManifest.NeverTagged ? row.GetInt64(4) : row.GetInt64(2), row.GetInt64(3)),
                row.GetInt64(2) == 0 || (row.GetInt64(2) == StoredManifest.NeverTagged && row.IsDBNull(5)),
                row.IsDBNull(5) ? null : row.GetString(5)),
            now,
            Batch);
        int removed = 0;
        foreach ((long repository, string digest, long since, bool isForGood, string? subject) in due)
        {
            long next = isForGood ? BlobRows.Never
                : since + grace > now ? since + grace
                : await IsNeededAsync(session, repository, digest, subject) ? now + Math.Max(grace, Hour)
                : 0;
            if (next > 0)
            {
                await session.RunAsync("UPDATE manifests SET due = $3 WHERE repository = $1 AND digest = $2", repository, digest, next);
            }
            else
            {
                removed += await ManifestRows.RemoveAsync(session, repository, Digest.Parse(digest)) ? 1 : 0;
            }
        }

        return (due.Count, removed);
    }

    private static async ValueTask<bool> IsNeededAsync(SqlSession session, long repository, string digest, string? subject) =>
        await session.NumberAsync("SELECT 1 FROM edges WHERE repository = $1 AND target = $2 AND is_manifest = 1 LIMIT 1", repository, digest) == 1
        || (subject is not null
            && await session.NumberAsync("SELECT 1 FROM manifests WHERE repository = $1 AND digest = $2", repository, subject) == 1);

    private async ValueTask<(int Looked, int Removed)> ForgetMovesAsync(SqlSession session)
    {
        int forgotten = await TagRows.ForgetAsync(session, Now - (long)limits.Journal.TotalMilliseconds, Batch);
        return (forgotten, forgotten);
    }

    /// <summary>Takes blobs from repositories whose lease is over and that no manifest there needs.</summary>
    private async ValueTask<(int Looked, int Removed)> ReviewLinksAsync(SqlSession session)
    {
        long now = Now, later = now + Math.Max((long)limits.Lease.TotalMilliseconds, Hour);
        List<(long Repository, string Digest, long Leased)> due = await session.ListAsync(
            "SELECT repository, digest, leased FROM repository_blobs WHERE due < $1 ORDER BY due LIMIT $2",
            static row => (row.GetInt64(0), row.GetString(1), row.GetInt64(2)),
            now,
            Batch);
        int removed = 0;
        foreach ((long repository, string digest, long leased) in due)
        {
            long next = leased >= now ? leased
                : await session.NumberAsync(
                    "SELECT 1 FROM edges WHERE repository = $1 AND target = $2 AND is_manifest = 0 LIMIT 1", repository, digest) == 1 ? later
                : 0;
            if (next > 0)
            {
                await session.RunAsync("UPDATE repository_blobs SET due = $3 WHERE repository = $1 AND digest = $2", repository, digest, next);
            }
            else
            {
                removed += await BlobRows.UnlinkAsync(session, repository, digest) ? 1 : 0;
            }
        }

        return (due.Count, removed);
    }

    private async Task<(int Blobs, long Bytes)> RemoveBlobsAsync(CancellationToken cancellationToken)
    {
        int blobs = 0;
        long bytes = 0;
        while (true)
        {
            (int looked, List<(string Digest, long Size, string Key)> doomed) = await metadata.WriteAsync(DoomAsync, cancellationToken);
            foreach ((string digest, long size, string key) in doomed)
            {
                await storage.RemoveAsync(key, cancellationToken);
                bool isOurs = await metadata.WriteAsync(
                    async session =>
                    {
                        bool removed = await session.RunAsync(
                            "DELETE FROM blobs WHERE digest = $1 AND storage_key = $2 AND doomed = 1", digest, key) > 0;
                        if (removed)
                        {
                            await session.RunAsync("UPDATE settings SET number = number + $1 WHERE name = 'freed'", size);
                        }

                        return removed;
                    },
                    cancellationToken);
                blobs += isOurs ? 1 : 0;
                bytes += isOurs ? size : 0;
            }

            if (looked < Batch && doomed.Count < Batch)
            {
                return (blobs, bytes);
            }
        }
    }

    /// <summary>Dooms blobs that the last repository has let go; tells all that are doomed, those of a collector that died too.</summary>
    private async ValueTask<(int Looked, List<(string Digest, long Size, string Key)> Doomed)> DoomAsync(SqlSession session)
    {
        List<string> due = await session.ListAsync(
            "SELECT digest FROM blobs WHERE due <= $1 AND doomed = 0 ORDER BY due LIMIT $2", static row => row.GetString(0), Now, Batch);
        foreach (string digest in due)
        {
            bool isHad = await session.NumberAsync("SELECT 1 FROM repository_blobs WHERE digest = $1 LIMIT 1", digest) == 1;
            await session.RunAsync("UPDATE blobs SET due = $2, doomed = $3 WHERE digest = $1", digest, BlobRows.Never, isHad ? 0L : 1L);
        }

        return (due.Count, await session.ListAsync(
            "SELECT digest, size, storage_key FROM blobs WHERE doomed = 1 LIMIT $1",
            static row => (row.GetString(0), row.GetInt64(1), row.GetString(2)),
            Batch));
    }

    private static ValueTask<int> RemoveRepositoriesAsync(SqlSession session) => session.RunAsync(
        """
        DELETE FROM repositories WHERE
          NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository = repositories.id)
          AND NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.repository = repositories.id)
          AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.repository = repositories.id)
        """);
}
