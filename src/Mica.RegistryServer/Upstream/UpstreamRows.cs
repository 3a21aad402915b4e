using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Upstream;

/// <summary>What is kept of other registries: ordinary repositories that are marked, and tags with the time of the last look.</summary>
internal static class UpstreamRows
{
    /// <summary>Who moves tags, in the journal.</summary>
    public const string Who = "upstream";

    /// <summary>When the tag was last looked at over there; 0 for never, null when it is not here.</summary>
    public static ValueTask<long?> CheckedAsync(SqlSession session, string repository, string tag) => session.FirstAsync(
        "SELECT t.checked FROM repositories r JOIN tags t ON t.repository = r.id WHERE r.name = $1 AND t.name = $2",
        static row => (long?)row.GetInt64(0),
        repository,
        tag);

    /// <summary>Stores a manifest, whatever it needs, and lets the tag stand for it.</summary>
    public static async ValueTask PutAsync(
        SqlSession session, string repository, StoredManifest manifest, ManifestLinks links, string? tag, long now)
    {
        long id = await MarkAsync(session, repository, now);
        await ManifestRows.PutAsync(session, id, manifest, links, now);
        if (tag is not null)
        {
            await MoveAsync(session, id, repository, tag, manifest.Digest, now);
        }
    }

    /// <summary>The tag stands for a manifest that is here, as of now; false when the manifest has gone.</summary>
    public static async ValueTask<bool> MoveAsync(SqlSession session, string repository, string tag, Digest digest, long now)
    {
        if (await RepositoryRows.FindAsync(session, repository) is not { } id || !await ManifestRows.ExistsAsync(session, id, digest))
        {
            return false;
        }

        await MoveAsync(session, id, repository, tag, digest, now);
        return true;
    }

    public static async ValueTask RemoveTagAsync(SqlSession session, string repository, string tag, long now)
    {
        if (await RepositoryRows.FindAsync(session, repository) is { } id)
        {
            await TagRows.RemoveAsync(session, id, repository, tag, Who, now);
        }
    }

    /// <summary>The documents of the repository that need a blob.</summary>
    public static ValueTask<List<StoredManifest>> NeedersAsync(SqlSession session, string repository, Digest blob) => session.ListAsync(
        """
        SELECT m.digest, m.media_type, m.content FROM repositories r
          JOIN edges e ON e.repository = r.id JOIN manifests m ON m.repository = r.id AND m.digest = e.manifest
        WHERE r.name = $1 AND e.target = $2 AND e.is_manifest = 0 LIMIT 1
        """,
        static row => new StoredManifest
        {
            Digest = Digest.Parse(row.GetString(0)),
            MediaType = row.GetString(1),
            Content = row.GetFieldValue<byte[]>(2),
        },
        repository,
        blob.ToString());

    /// <summary>
    /// Takes tags from what nobody pulled since <paramref name="before"/>, in the repositories below a prefix, so that it goes
    /// when the grace time is over, and lets go of what was fetched by its digest; tells how much that was.
    /// </summary>
    public static async ValueTask<int> ExpireAsync(SqlSession session, string prefix, long before, long now, long count)
    {
        // '0' is the character behind '/'.
        List<(long Id, string Repository, string Tag)> old = await session.ListAsync(
            """
            SELECT r.id, r.name, t.name FROM repositories r
              JOIN tags t ON t.repository = r.id JOIN manifests m ON m.repository = r.id AND m.digest = t.digest
            WHERE r.proxied = 1 AND r.name > $1 AND r.name < $2 AND t.moved < $3 AND m.pulled < $3 LIMIT $4
            """,
            static row => (row.GetInt64(0), row.GetString(1), row.GetString(2)),
            prefix + "/",
            prefix + "0",
            before,
            count);
        foreach ((long id, string repository, string tag) in old)
        {
            await TagRows.RemoveAsync(session, id, repository, tag, "expiry", now);
        }

        return old.Count + await session.RunAsync(
            """
            UPDATE manifests SET untagged = $5, due = 0 WHERE untagged = $4 AND pushed < $3 AND pulled < $3
              AND repository IN (SELECT id FROM repositories WHERE proxied = 1 AND name > $1 AND name < $2)
            """,
            prefix + "/",
            prefix + "0",
            before,
            StoredManifest.NeverTagged,
            now);
    }

    /// <summary>The repository's number; it holds copies from now on.</summary>
    private static async ValueTask<long> MarkAsync(SqlSession session, string repository, long now)
    {
        long id = await RepositoryRows.EnsureAsync(session, repository, now);
        await session.RunAsync("UPDATE repositories SET proxied = 1 WHERE id = $1 AND proxied = 0", id);
        return id;
    }

    private static async ValueTask MoveAsync(SqlSession session, long id, string repository, string tag, Digest digest, long now)
    {
        await TagRows.MoveAsync(session, id, repository, tag, digest, Who, now);
        await session.RunAsync("UPDATE tags SET checked = $3 WHERE repository = $1 AND name = $2", id, tag, now);
    }
}
