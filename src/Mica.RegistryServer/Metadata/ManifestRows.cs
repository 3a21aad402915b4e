using System.Collections.Immutable;
using System.Data.Common;
using Mica.Oci;

namespace Mica.RegistryServer.Metadata;

/// <summary>A manifest or an index in a repository.</summary>
internal sealed record StoredManifest
{
    /// <summary>Pushed by its digest, and never yet what a tag or an index stood for: it stays for good.</summary>
    public const long NeverTagged = long.MaxValue;

    public required Digest Digest { get; init; }

    /// <summary>As the client said it.</summary>
    public required string MediaType { get; init; }

    /// <summary>Exactly as pushed.</summary>
    public required ReadOnlyMemory<byte> Content { get; init; }

    /// <summary>The digest as HTTP's entity tag.</summary>
    public string EntityTag => field ??= $"\"{Digest}\"";
}

/// <summary>What a manifest says that the registry needs to know.</summary>
/// <param name="ArtifactType">As referrers list it.</param>
/// <param name="Subject">The manifest that this one says something about.</param>
/// <param name="Annotations">The JSON object of its annotations; null for none.</param>
/// <param name="Blobs">What it needs of blobs.</param>
/// <param name="Manifests">What it needs of manifests.</param>
internal sealed record ManifestLinks(
    string? ArtifactType, Digest? Subject, string? Annotations, ImmutableArray<Digest> Blobs, ImmutableArray<Digest> Manifests);

/// <summary>One entry of a list of referrers.</summary>
internal sealed record Referrer(Digest Digest, string MediaType, long Size, string? ArtifactType, string? Annotations);

/// <summary>Manifests: documents that live in the database, since they are small and asked for the most.</summary>
internal static class ManifestRows
{
    public static ValueTask<StoredManifest?> FindAsync(SqlSession session, string repository, Digest digest) =>
        session.FirstAsync<StoredManifest?>(
            """
            SELECT m.digest, m.media_type, m.content FROM repositories r JOIN manifests m ON m.repository = r.id
            WHERE r.name = $1 AND m.digest = $2 AND m.damaged = 0
            """,
            Read,
            repository,
            digest.ToString());

    public static ValueTask<StoredManifest?> FindAsync(SqlSession session, string repository, string tag) =>
        session.FirstAsync<StoredManifest?>(
            """
            SELECT m.digest, m.media_type, m.content FROM repositories r
              JOIN tags t ON t.repository = r.id JOIN manifests m ON m.repository = r.id AND m.digest = t.digest
            WHERE r.name = $1 AND t.name = $2 AND m.damaged = 0
            """,
            Read,
            repository,
            tag);

    public static async ValueTask<bool> ExistsAsync(SqlSession session, long repository, Digest digest) =>
        await session.NumberAsync(
            "SELECT 1 FROM manifests WHERE repository = $1 AND digest = $2 AND damaged = 0", repository, digest.ToString()) == 1;

    /// <summary>Stores the manifest and what it needs. Pushing it again renews its time and mends it; what it was pushed as first it stays.</summary>
    public static async ValueTask PutAsync(SqlSession session, long repository, StoredManifest manifest, ManifestLinks links, long now)
    {
        string digest = manifest.Digest.ToString();
        await session.RunAsync(
            """
            INSERT INTO manifests (repository, digest, media_type, size, artifact_type, subject, annotations, pushed, untagged, content)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (repository, digest) DO UPDATE SET pushed = excluded.pushed,
              content = excluded.content, size = excluded.size, damaged = 0,
              untagged = CASE WHEN manifests.untagged = 0 OR manifests.untagged = excluded.untagged THEN manifests.untagged ELSE $8 END
            """,
            repository,
            digest,
            manifest.MediaType,
            (long)manifest.Content.Length,
            links.ArtifactType,
            links.Subject?.ToString(),
            links.Annotations,
            now,
            StoredManifest.NeverTagged,
            manifest.Content.ToArray());
        foreach (Digest blob in links.Blobs)
        {
            await AddEdgeAsync(session, repository, digest, blob, isManifest: false);
        }

        foreach (Digest child in links.Manifests)
        {
            await AddEdgeAsync(session, repository, digest, child, isManifest: true);
            await session.RunAsync(
                "UPDATE manifests SET untagged = $3, due = 0 WHERE repository = $1 AND digest = $2 AND untagged = $4",
                repository,
                child.ToString(),
                now,
                StoredManifest.NeverTagged);
        }
    }

    /// <summary>Removes the manifest, on which no tag may stand any more; false when there was none.</summary>
    public static async ValueTask<bool> RemoveAsync(SqlSession session, long repository, Digest digest)
    {
        // The collector looks again at all that this one may have kept.
        string text = digest.ToString();
        await session.RunAsync(
            "UPDATE repository_blobs SET due = 0 WHERE repository = $1 AND digest IN (SELECT target FROM edges WHERE repository = $1 AND manifest = $2)",
            repository,
            text);
        await session.RunAsync(
            "UPDATE manifests SET due = 0 WHERE repository = $1 AND digest IN (SELECT target FROM edges WHERE repository = $1 AND manifest = $2)",
            repository,
            text);
        await session.RunAsync("UPDATE manifests SET due = 0 WHERE repository = $1 AND subject = $2", repository, text);
        return await session.RunAsync("DELETE FROM manifests WHERE repository = $1 AND digest = $2", repository, text) > 0;
    }

    /// <summary>How many characters of text each of <see cref="ReferrersAsync"/> has.</summary>
    public static ValueTask<List<long>> ReferrerSizesAsync(
        SqlSession session, string repository, Digest subject, string? artifactType, string last, long count) => session.ListAsync(
        """
        SELECT COALESCE(LENGTH(m.annotations), 0) + COALESCE(LENGTH(m.artifact_type), 0)
        FROM repositories r JOIN manifests m ON m.repository = r.id
        WHERE r.name = $1 AND m.subject = $2 AND m.digest > $3 AND ($4 = '' OR m.artifact_type = $4)
        ORDER BY m.digest LIMIT $5
        """,
        static row => row.GetInt64(0),
        repository,
        subject.ToString(),
        last,
        artifactType ?? "",
        count);

    /// <summary>
    /// The referrers of a manifest behind <paramref name="last"/>, oldest digest first. Types and annotations with more than
    /// <paramref name="longest"/> characters are left out.
    /// </summary>
    public static ValueTask<List<Referrer>> ReferrersAsync(
        SqlSession session, string repository, Digest subject, string? artifactType, string last, long count, long longest = long.MaxValue) =>
        session.ListAsync(
        """
        SELECT m.digest, m.media_type, m.size, CASE WHEN LENGTH(m.artifact_type) <= $6 THEN m.artifact_type END,
          CASE WHEN LENGTH(m.annotations) <= $6 THEN m.annotations END
        FROM repositories r JOIN manifests m ON m.repository = r.id
        WHERE r.name = $1 AND m.subject = $2 AND m.digest > $3 AND ($4 = '' OR m.artifact_type = $4)
        ORDER BY m.digest LIMIT $5
        """,
        static row => new Referrer(
            Digest.Parse(row.GetString(0)), row.GetString(1), row.GetInt64(2), Text(row, 3), Text(row, 4)),
        repository,
        subject.ToString(),
        last,
        artifactType ?? "",
        count,
        longest);

    /// <summary>Notes when manifests were last pulled, for retention.</summary>
    public static ValueTask<int> PulledAsync(SqlSession session, string repository, Digest digest, long count, long when) => session.RunAsync(
        """
        UPDATE manifests SET pulled = $3, pulls = pulls + $4
        WHERE digest = $2 AND repository = (SELECT id FROM repositories WHERE name = $1)
        """,
        repository,
        digest.ToString(),
        when,
        count);

    private static ValueTask<int> AddEdgeAsync(SqlSession session, long repository, string manifest, Digest target, bool isManifest) =>
        session.RunAsync(
            "INSERT INTO edges (repository, manifest, target, is_manifest) VALUES ($1, $2, $3, $4) ON CONFLICT (repository, manifest, target) DO NOTHING",
            repository,
            manifest,
            target.ToString(),
            isManifest ? 1L : 0L);

    private static StoredManifest Read(DbDataReader row) => new()
    {
        Digest = Digest.Parse(row.GetString(0)),
        MediaType = row.GetString(1),
        Content = row.GetFieldValue<byte[]>(2),
    };

    private static string? Text(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
