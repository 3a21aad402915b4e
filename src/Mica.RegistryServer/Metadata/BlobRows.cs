using System.Data.Common;
using Mica.Oci;

namespace Mica.RegistryServer.Metadata;

/// <summary>A blob that a repository has.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="Size">Bytes.</param>
/// <param name="StorageKey">Where the storage has the bytes.</param>
/// <param name="Leased">Until then it stays, whether or not a manifest needs it.</param>
internal sealed record StoredBlob(Digest Digest, long Size, string StorageKey, long Leased);

/// <summary>Blobs: bytes that are stored once, and the repositories that have them.</summary>
internal static class BlobRows
{
    /// <summary>The collector need not look at it until something is changed about it.</summary>
    public const long Never = long.MaxValue;

    /// <summary>The blob, if the repository has it and its bytes are whole.</summary>
    public static ValueTask<StoredBlob?> FindAsync(SqlSession session, string repository, Digest digest) => session.FirstAsync<StoredBlob?>(
        """
        SELECT b.digest, b.size, b.storage_key, l.leased FROM repositories r
          JOIN repository_blobs l ON l.repository = r.id JOIN blobs b ON b.digest = l.digest
        WHERE r.name = $1 AND l.digest = $2 AND b.damaged = 0
        """,
        Read,
        repository,
        digest.ToString());

    /// <summary>The repository has the blob, but its bytes are known not to be what they were.</summary>
    public static async ValueTask<bool> IsDamagedAsync(SqlSession session, string repository, Digest digest) => await session.NumberAsync(
        """
        SELECT b.damaged FROM repositories r JOIN repository_blobs l ON l.repository = r.id JOIN blobs b ON b.digest = l.digest
        WHERE r.name = $1 AND l.digest = $2
        """,
        repository,
        digest.ToString()) != 0;

    /// <summary>The repositories that have the blob; none when its bytes are damaged.</summary>
    public static ValueTask<List<string>> RepositoriesAsync(SqlSession session, Digest digest) => session.ListAsync(
        """
        SELECT r.name FROM repository_blobs l JOIN repositories r ON r.id = l.repository JOIN blobs b ON b.digest = l.digest
        WHERE l.digest = $1 AND b.damaged = 0 ORDER BY r.name
        """,
        static row => row.GetString(0),
        digest.ToString());

    /// <summary>
    /// Makes <paramref name="storageKey"/> the place of the blob's bytes, unless there is one already; tells which it is then.
    /// </summary>
    public static async ValueTask<string> AddAsync(SqlSession session, Digest digest, long size, string storageKey, long now)
    {
        string? present = await session.FirstAsync(
            "SELECT storage_key FROM blobs WHERE digest = $1 AND doomed = 0 AND damaged = 0", static row => row.GetString(0), digest.ToString());
        if (present is not null)
        {
            return present;
        }

        // A blob whose bytes are about to be removed, or are damaged, gets other bytes: those under the old key are still
        // removed, by the collector that has begun, or as an orphan.
        await session.RunAsync(
            """
            INSERT INTO blobs (digest, size, storage_key, created, checked, due) VALUES ($1, $2, $3, $4, $4, $4)
            ON CONFLICT (digest) DO UPDATE SET storage_key = excluded.storage_key, created = excluded.created,
              checked = excluded.checked, doomed = 0, damaged = 0, due = excluded.due
            """,
            digest.ToString(),
            size,
            storageKey,
            now);
        return storageKey;
    }

    /// <summary>Gives the blob to the repository, or holds it there for longer.</summary>
    public static ValueTask<int> LinkAsync(SqlSession session, long repository, Digest digest, long leased) => session.RunAsync(
        """
        INSERT INTO repository_blobs (repository, digest, leased, due) VALUES ($1, $2, $3, $3)
        ON CONFLICT (repository, digest) DO UPDATE SET
          leased = CASE WHEN excluded.leased > repository_blobs.leased THEN excluded.leased ELSE repository_blobs.leased END
        """,
        repository,
        digest.ToString(),
        leased);

    /// <summary>Takes the blob from the repository; false when it had none.</summary>
    public static async ValueTask<bool> UnlinkAsync(SqlSession session, string repository, Digest digest) =>
        await RepositoryRows.FindAsync(session, repository) is { } id && await UnlinkAsync(session, id, digest.ToString());

    /// <summary>The same by the repository's number. The collector looks whether anybody still has the blob.</summary>
    public static async ValueTask<bool> UnlinkAsync(SqlSession session, long repository, string digest)
    {
        bool had = await session.RunAsync("DELETE FROM repository_blobs WHERE repository = $1 AND digest = $2", repository, digest) > 0;
        if (had)
        {
            await session.RunAsync("UPDATE blobs SET due = 0 WHERE digest = $1", digest);
        }

        return had;
    }

    /// <summary>The first of <paramref name="digests"/> that the repository lacks, or has no whole bytes of; null when it has all.</summary>
    public static async ValueTask<Digest?> MissingAsync(SqlSession session, long repository, IEnumerable<Digest> digests)
    {
        foreach (Digest digest in digests)
        {
            if (await session.NumberAsync(
                "SELECT 1 FROM repository_blobs l JOIN blobs b ON b.digest = l.digest WHERE l.repository = $1 AND l.digest = $2 AND b.damaged = 0",
                repository,
                digest.ToString()) == 0)
            {
                return digest;
            }
        }

        return null;
    }

    private static StoredBlob Read(DbDataReader row) =>
        new(Digest.Parse(row.GetString(0)), row.GetInt64(1), row.GetString(2), row.GetInt64(3));
}
