using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Scrubbing;

/// <summary>A blob whose bytes are to be read again.</summary>
internal sealed record ScrubbedBlob(Digest Digest, long Size, string StorageKey, long Checked, bool IsDamaged);

/// <summary>A manifest whose content is to be hashed again.</summary>
internal sealed record ScrubbedManifest(long Repository, string Name, Digest Digest, byte[] Content, bool IsDamaged);

/// <summary>What the scrub asks of the metadata.</summary>
internal static class ScrubRows
{
    /// <summary>Every key begins with the id of the upload that it came of.</summary>
    private const int UploadIdLength = 32;

    /// <summary>Blobs that were checked longest ago; damaged ones sooner, since their bytes may have been put back.</summary>
    public static ValueTask<List<ScrubbedBlob>> DueAsync(SqlSession session, long checkedBefore, long damagedBefore, long count) => session.ListAsync(
        """
        SELECT digest, size, storage_key, checked, damaged FROM blobs
        WHERE doomed = 0 AND (checked <= $1 OR (damaged = 1 AND checked <= $2)) ORDER BY checked LIMIT $3
        """,
        static row => new ScrubbedBlob(
            Digest.Parse(row.GetString(0)), row.GetInt64(1), row.GetString(2), row.GetInt64(3), row.GetInt64(4) != 0),
        checkedBefore,
        damagedBefore,
        count);

    /// <summary>Notes that the blob is being checked, or was not; false when another replica was faster.</summary>
    public static async ValueTask<bool> ClaimAsync(SqlSession session, ScrubbedBlob blob, long was, long becomes) => await session.RunAsync(
        "UPDATE blobs SET checked = $4 WHERE digest = $1 AND storage_key = $2 AND checked = $3", blob.Digest.ToString(), blob.StorageKey, was, becomes) > 0;

    /// <summary>Says whether the bytes are whole; false when they have gone meanwhile, or are others.</summary>
    public static async ValueTask<bool> MarkAsync(SqlSession session, ScrubbedBlob blob, bool isDamaged) => await session.RunAsync(
        "UPDATE blobs SET damaged = $3 WHERE digest = $1 AND storage_key = $2 AND doomed = 0",
        blob.Digest.ToString(),
        blob.StorageKey,
        isDamaged ? 1L : 0L) > 0;

    /// <summary>Manifests behind one, in an order that does not change.</summary>
    public static ValueTask<List<ScrubbedManifest>> ManifestsAsync(SqlSession session, long repository, string digest, long count) => session.ListAsync(
        """
        SELECT m.repository, r.name, m.digest, m.content, m.damaged FROM manifests m JOIN repositories r ON r.id = m.repository
        WHERE m.repository > $1 OR (m.repository = $1 AND m.digest > $2) ORDER BY m.repository, m.digest LIMIT $3
        """,
        static row => new ScrubbedManifest(
            row.GetInt64(0), row.GetString(1), Digest.Parse(row.GetString(2)), row.GetFieldValue<byte[]>(3), row.GetInt64(4) != 0),
        repository,
        digest,
        count);

    public static ValueTask<int> MarkAsync(SqlSession session, ScrubbedManifest manifest, bool isDamaged) => session.RunAsync(
        "UPDATE manifests SET damaged = $3 WHERE repository = $1 AND digest = $2", manifest.Repository, manifest.Digest.ToString(), isDamaged ? 1L : 0L);

    /// <summary>A blob has its bytes there, or an upload some of its own.</summary>
    public static async ValueTask<bool> IsKnownAsync(SqlSession session, string key) => await session.NumberAsync(
        "SELECT (SELECT COUNT(*) FROM blobs WHERE storage_key = $1) + (SELECT COUNT(*) FROM uploads WHERE id = $2)",
        key,
        key.Length > UploadIdLength ? key[..UploadIdLength] : key) > 0;

    /// <summary>Takes a pass over everything for this process, if the last began before; false when it is not its time.</summary>
    public static async ValueTask<bool> BeginAsync(SqlSession session, string pass, long before, long now)
    {
        await session.RunAsync("INSERT INTO settings (name, number) VALUES ($1, 0) ON CONFLICT (name) DO NOTHING", pass);
        return await session.RunAsync("UPDATE settings SET number = $3 WHERE name = $1 AND number <= $2", pass, before, now) > 0;
    }
}
