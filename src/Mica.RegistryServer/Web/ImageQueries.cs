using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Web;

/// <summary>A manifest or index as its own page shows it.</summary>
internal sealed record ShownManifest
{
    public required long RepositoryId { get; init; }

    public required Digest Digest { get; init; }

    public required string MediaType { get; init; }

    public string? ArtifactType { get; init; }

    public required long Pushed { get; init; }

    /// <summary>When it was last pulled; 0 for never.</summary>
    public required long Pulled { get; init; }

    public required long Pulls { get; init; }

    public required byte[] Content { get; init; }
}

/// <summary>What the page of an image asks the database.</summary>
internal static class ImageQueries
{
    /// <summary>Layers that one statement asks about.</summary>
    public const int LayersAtOnce = 16;

    /// <summary>Repositories that are looked at for each layer.</summary>
    public const int Sharing = 50;

    // Each layer by itself, so that one that thousands of repositories have costs no more than the others.
    private static readonly string s_sharing = string.Join("\nUNION ALL\n", Enumerable.Range(2, LayersAtOnce).Select(place => $"""
        SELECT * FROM (SELECT l.digest, r.name FROM repository_blobs l JOIN repositories r ON r.id = l.repository
          WHERE l.digest = ${place} AND l.repository <> $1 LIMIT {Sharing}) AS s{place}
        """));

    public static ValueTask<ShownManifest?> FindAsync(SqlSession session, string repository, string reference) =>
        session.FirstAsync<ShownManifest?>(
            reference.Contains(':', StringComparison.Ordinal)
                ? """
                  SELECT r.id, m.digest, m.media_type, m.artifact_type, m.pushed, m.pulled, m.pulls, m.content
                  FROM repositories r JOIN manifests m ON m.repository = r.id WHERE r.name = $1 AND m.digest = $2
                  """
                : """
                  SELECT r.id, m.digest, m.media_type, m.artifact_type, t.moved, m.pulled, m.pulls, m.content
                  FROM repositories r JOIN tags t ON t.repository = r.id JOIN manifests m ON m.repository = r.id AND m.digest = t.digest
                  WHERE r.name = $1 AND t.name = $2
                  """,
            static row => new ShownManifest
            {
                RepositoryId = row.GetInt64(0),
                Digest = Digest.Parse(row.GetString(1)),
                MediaType = row.GetString(2),
                ArtifactType = WebQueries.Text(row, 3),
                Pushed = row.GetInt64(4),
                Pulled = row.GetInt64(5),
                Pulls = row.GetInt64(6),
                Content = row.GetFieldValue<byte[]>(7),
            },
            repository,
            reference);

    /// <summary>Tags that stand for the manifest.</summary>
    public static ValueTask<List<string>> TagsOfAsync(SqlSession session, long repository, Digest digest, long count) => session.ListAsync(
        "SELECT name FROM tags WHERE repository = $1 AND digest = $2 ORDER BY name LIMIT $3",
        static row => row.GetString(0),
        repository,
        digest.ToString(),
        count);

    /// <summary>Indexes that have the manifest.</summary>
    public static ValueTask<List<Digest>> ParentsAsync(SqlSession session, long repository, Digest digest, long count) => session.ListAsync(
        "SELECT manifest FROM edges WHERE repository = $1 AND target = $2 AND is_manifest = 1 ORDER BY manifest LIMIT $3",
        static row => Digest.Parse(row.GetString(0)),
        repository,
        digest.ToString(),
        count);

    /// <summary>Tags that clients without referrers attach things by: <c>sha256-HEX</c> and what follows.</summary>
    public static ValueTask<List<(string Tag, Digest Digest, string MediaType)>> AttachedTagsAsync(
        SqlSession session, long repository, Digest subject, long count)
    {
        string start = $"{subject.Algorithm}-{subject.Hex}";
        return session.ListAsync(
            """
            SELECT t.name, t.digest, m.media_type FROM tags t JOIN manifests m ON m.repository = t.repository AND m.digest = t.digest
            WHERE t.repository = $1 AND t.name >= $2 AND t.name < $3 ORDER BY t.name LIMIT $4
            """,
            static row => (row.GetString(0), Digest.Parse(row.GetString(1)), row.GetString(2)),
            repository,
            start,
            start + "~",
            count);
    }

    /// <summary>The moves of a tag before the one with the number <paramref name="before"/>, newest first.</summary>
    public static ValueTask<List<TagMove>> HistoryAsync(SqlSession session, string repository, string tag, long before, long count) =>
        session.ListAsync(
            """
            SELECT id, tag, moved, who, was, became FROM journal
            WHERE repository = $1 AND tag = $2 AND id < $3 ORDER BY id DESC LIMIT $4
            """,
            static row => WebQueries.Move(row, 0),
            repository,
            tag,
            before,
            count);

    /// <summary>Which of these manifests the repository still has; the others were collected or removed.</summary>
    public static async ValueTask<HashSet<Digest>> PresentAsync(SqlSession session, string repository, IEnumerable<Digest> digests)
    {
        string[] asked = [.. digests.Distinct().Select(digest => digest.ToString())];
        var present = new HashSet<Digest>();
        foreach (string[] some in asked.Chunk(LayersAtOnce))
        {
            present.UnionWith(await session.ListAsync(
                $"""
                SELECT m.digest FROM repositories r JOIN manifests m ON m.repository = r.id
                WHERE r.name = $1 AND m.digest IN ({string.Join(", ", Enumerable.Range(2, LayersAtOnce).Select(place => $"${place}"))})
                """,
                static row => Digest.Parse(row.GetString(0)),
                Padded(repository, some)));
        }

        return present;
    }

    /// <summary>For each of the layers some of the other repositories that have it.</summary>
    public static async ValueTask<ILookup<Digest, string>> SharingAsync(SqlSession session, long repository, IReadOnlyCollection<Digest> layers)
    {
        var found = new List<(Digest Digest, string Repository)>();
        foreach (Digest[] some in layers.Chunk(LayersAtOnce))
        {
            found.AddRange(await session.ListAsync(
                s_sharing,
                static row => (Digest.Parse(row.GetString(0)), row.GetString(1)),
                Padded(repository, [.. some.Select(digest => digest.ToString())])));
        }

        return found.ToLookup(pair => pair.Digest, pair => pair.Repository);
    }

    private static object?[] Padded(object first, string[] values) =>
        [first, .. values, .. Enumerable.Repeat<object?>("", LayersAtOnce - values.Length)];
}
