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

    /// <summary>Removes all that may go now.</summary>
    public async Task<CollectionReport> RunAsync(CancellationToken cancellationToken)
    {
        var report = new CollectionReport
        {
            Uploads = await AbandonUploadsAsync(cancellationToken),
            Manifests = await RepeatAsync(RemoveManifestsAsync, cancellationToken),
        };
        await RepeatAsync(UnlinkBlobsAsync, cancellationToken);
        (int blobs, long bytes) = await RemoveBlobsAsync(cancellationToken);
        return report with
        {
            Blobs = blobs,
            Bytes = bytes,
            Repositories = await metadata.WriteAsync(RemoveRepositoriesAsync, cancellationToken),
        };
    }

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    private async Task<int> RepeatAsync(Func<SqlSession, ValueTask<int>> step, CancellationToken cancellationToken)
    {
        int sum = 0;
        while (await metadata.WriteAsync(step, cancellationToken) is var removed and > 0)
        {
            sum += removed;
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
                // Bytes first: without the row nobody would know of them. Who completes it now finds no row.
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
    /// Manifests without a tag, an index or a subject in their repository, for longer than the grace time. A referrer goes
    /// with its subject.
    /// </summary>
    private async ValueTask<int> RemoveManifestsAsync(SqlSession session)
    {
        long before = Now - (long)limits.Grace.TotalMilliseconds;
        await session.RunAsync(
            // What refers to something that is gone is not for good, whether or not it ever had a tag.
            """
            UPDATE manifests SET untagged = $1 WHERE untagged = $2 AND subject IS NOT NULL AND NOT EXISTS (
              SELECT 1 FROM manifests s WHERE s.repository = manifests.repository AND s.digest = manifests.subject)
              AND pushed < $1
            """,
            before + 1,
            StoredManifest.NeverTagged);
        List<(long Repository, string Digest)> gone = await session.ListAsync(
            """
            SELECT m.repository, m.digest FROM manifests m
            WHERE m.untagged > 0 AND m.untagged <= $1 AND m.pulled <= $1
              AND NOT EXISTS (SELECT 1 FROM edges e WHERE e.repository = m.repository AND e.target = m.digest AND e.is_manifest = 1)
              AND (m.subject IS NULL OR NOT EXISTS (
                SELECT 1 FROM manifests s WHERE s.repository = m.repository AND s.digest = m.subject))
            LIMIT $2
            """,
            static row => (row.GetInt64(0), row.GetString(1)),
            before + 1,
            Batch);
        foreach ((long repository, string digest) in gone)
        {
            await session.RunAsync("DELETE FROM manifests WHERE repository = $1 AND digest = $2", repository, digest);
        }

        return gone.Count;
    }

    private async ValueTask<int> UnlinkBlobsAsync(SqlSession session) => await session.RunAsync(
        """
        DELETE FROM repository_blobs WHERE (repository, digest) IN (
          SELECT l.repository, l.digest FROM repository_blobs l
          WHERE l.leased < $1 AND NOT EXISTS (
            SELECT 1 FROM edges e WHERE e.repository = l.repository AND e.target = l.digest AND e.is_manifest = 0)
          LIMIT $2)
        """,
        Now,
        Batch);

    private async Task<(int Blobs, long Bytes)> RemoveBlobsAsync(CancellationToken cancellationToken)
    {
        int blobs = 0;
        long bytes = 0;
        while (true)
        {
            List<(string Digest, long Size, string Key)> doomed = await metadata.WriteAsync(DoomAsync, cancellationToken);
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

            if (doomed.Count < Batch)
            {
                return (blobs, bytes);
            }
        }
    }

    private static async ValueTask<List<(string Digest, long Size, string Key)>> DoomAsync(SqlSession session)
    {
        await session.RunAsync(
            """
            UPDATE blobs SET doomed = 1 WHERE digest IN (
              SELECT b.digest FROM blobs b WHERE b.doomed = 0
                AND NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.digest = b.digest)
              LIMIT $1)
            """,
            Batch);
        return await session.ListAsync(
            "SELECT digest, size, storage_key FROM blobs WHERE doomed = 1 LIMIT $1",
            static row => (row.GetString(0), row.GetInt64(1), row.GetString(2)),
            Batch);
    }

    private static ValueTask<int> RemoveRepositoriesAsync(SqlSession session) => session.RunAsync(
        """
        DELETE FROM repositories WHERE
          NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository = repositories.id)
          AND NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.repository = repositories.id)
          AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.repository = repositories.id)
        """);
}
