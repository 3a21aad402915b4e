using System.Data.Common;
using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Web;

/// <summary>A repository in a list.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Tags">How many tags it has.</param>
/// <param name="Size">The bytes of its blobs, each counted once.</param>
/// <param name="Pushed">When a tag last moved, in Unix milliseconds; null when it has none.</param>
internal sealed record RepositoryFigures(string Name, long Tags, long Size, long? Pushed);

/// <summary>A tag in a list, with what it stands for.</summary>
internal sealed record TagFigures
{
    public required string Name { get; init; }

    public required Digest Digest { get; init; }

    /// <summary>When the tag came to stand for it.</summary>
    public required long Moved { get; init; }

    public required string MediaType { get; init; }

    public string? ArtifactType { get; init; }

    /// <summary>When it was last pulled; 0 for never.</summary>
    public required long Pulled { get; init; }

    public required long Pulls { get; init; }

    /// <summary>How many manifests say something about it.</summary>
    public required long Referrers { get; init; }

    /// <summary>The document; null when it is too long for a list.</summary>
    public byte[]? Content { get; init; }
}

/// <summary>What an index has in its repository.</summary>
/// <param name="Index">The index.</param>
/// <param name="Manifest">One of its manifests.</param>
/// <param name="Size">The bytes of the manifest's blobs.</param>
internal sealed record ChildFigures(string Index, string Manifest, long Size);

/// <summary>A manifest found by its digest.</summary>
internal sealed record FoundManifest(string Repository, Digest Digest, string MediaType, string? ArtifactType);

/// <summary>What the lists ask the database. Every statement reads by an index, and no more than a page of it.</summary>
internal static class WebQueries
{
    /// <summary>Rows of a list, and so values that a statement takes at once.</summary>
    public const int Page = 50;

    /// <summary>Documents above this are not read for a list.</summary>
    private const long ListedDocument = 256 << 10;

    private static readonly string s_figures = $"""
        SELECT r.name,
          (SELECT COUNT(*) FROM tags t WHERE t.repository = r.id),
          (SELECT CAST(SUM(b.size) AS BIGINT) FROM repository_blobs l JOIN blobs b ON b.digest = l.digest WHERE l.repository = r.id),
          (SELECT MAX(t.moved) FROM tags t WHERE t.repository = r.id)
        FROM repositories r WHERE r.name IN ({Places(1)}) ORDER BY r.name
        """;

    private static readonly string s_children = $"""
        SELECT e.manifest, e.target, (
          SELECT CAST(SUM(b.size) AS BIGINT) FROM edges c JOIN blobs b ON b.digest = c.target
          WHERE c.repository = $1 AND c.manifest = e.target AND c.is_manifest = 0)
        FROM edges e JOIN manifests m ON m.repository = $1 AND m.digest = e.target
        WHERE e.repository = $1 AND e.is_manifest = 1 AND e.manifest IN ({Places(2)}) LIMIT 5000
        """;

    private static readonly string s_blobs = $"""
        SELECT b.digest, b.size, b.storage_key, l.leased FROM repository_blobs l JOIN blobs b ON b.digest = l.digest
        WHERE l.repository = $1 AND l.digest IN ({Places(2)})
        """;

    /// <summary>Names that contain <paramref name="filter"/> behind <paramref name="from"/>, or before it, counted away from it.</summary>
    public static ValueTask<List<string>> NamesAsync(SqlSession session, string filter, string from, bool isBackwards, long count) =>
        session.ListAsync(
            isBackwards
                ? """
                  SELECT name FROM repositories r WHERE name < $1 AND name LIKE $2 ESCAPE '\'
                    AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository = r.id) ORDER BY name DESC LIMIT $3
                  """
                : """
                  SELECT name FROM repositories r WHERE name > $1 AND name LIKE $2 ESCAPE '\'
                    AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository = r.id) ORDER BY name LIMIT $3
                  """,
            static row => row.GetString(0),
            from,
            Containing(filter),
            count);

    /// <summary>Figures of at most a page of repositories, by name.</summary>
    public static ValueTask<List<RepositoryFigures>> FiguresAsync(SqlSession session, IReadOnlyList<string> names) => session.ListAsync(
        s_figures,
        static row => new RepositoryFigures(row.GetString(0), row.GetInt64(1), Number(row, 2) ?? 0, Number(row, 3)),
        Padded([], names));

    /// <summary>How many tags have <paramref name="filter"/> in their names.</summary>
    public static ValueTask<long> CountTagsAsync(SqlSession session, long repository, string filter) => session.NumberAsync(
        """SELECT COUNT(*) FROM tags WHERE repository = $1 AND lower(name) LIKE $2 ESCAPE '\'""", repository, Containing(filter));

    /// <summary>A page of tags: newest first, or by name.</summary>
    public static ValueTask<List<TagFigures>> TagsAsync(SqlSession session, long repository, string filter, bool byName, long offset) =>
        session.ListAsync(
            byName ? Tags("name") : Tags("moved DESC, name DESC"),
            static row => new TagFigures
            {
                Name = row.GetString(0),
                Digest = Digest.Parse(row.GetString(1)),
                Moved = row.GetInt64(2),
                MediaType = row.GetString(3),
                ArtifactType = Text(row, 4),
                Pulled = row.GetInt64(5),
                Pulls = row.GetInt64(6),
                Referrers = row.GetInt64(7),
                Content = row.IsDBNull(8) ? null : row.GetFieldValue<byte[]>(8),
            },
            repository,
            Containing(filter),
            (long)Page,
            offset,
            ListedDocument);

    /// <summary>The manifests that a page of indexes has here.</summary>
    public static ValueTask<List<ChildFigures>> ChildrenAsync(SqlSession session, long repository, IReadOnlyList<string> indexes) =>
        session.ListAsync(
            s_children,
            static row => new ChildFigures(row.GetString(0), row.GetString(1), Number(row, 2) ?? 0),
            Padded([repository], indexes));

    /// <summary>Those of a page of blobs that the repository has.</summary>
    public static ValueTask<List<StoredBlob>> BlobsAsync(SqlSession session, long repository, IReadOnlyList<string> digests) => session.ListAsync(
        s_blobs,
        static row => new StoredBlob(Digest.Parse(row.GetString(0)), row.GetInt64(1), row.GetString(2), row.GetInt64(3)),
        Padded([repository], digests));

    /// <summary>The last moves of all tags to something, newest first, with their repositories.</summary>
    public static ValueTask<List<(string Repository, TagMove Move)>> RecentAsync(SqlSession session, long count) => session.ListAsync(
        "SELECT repository, id, tag, moved, who, was, became FROM journal WHERE became IS NOT NULL ORDER BY id DESC LIMIT $1",
        static row => (row.GetString(0), Move(row, 1)),
        count);

    /// <summary>Tags of all repositories that begin so.</summary>
    public static ValueTask<List<(string Repository, string Tag, Digest Digest, long Moved)>> TagsLikeAsync(
        SqlSession session, string start, long count) => session.ListAsync(
        """
        SELECT r.name, t.name, t.digest, t.moved FROM tags t JOIN repositories r ON r.id = t.repository
        WHERE t.name >= $1 AND t.name < $2 ORDER BY t.name LIMIT $3
        """,
        static row => (row.GetString(0), row.GetString(1), Digest.Parse(row.GetString(2)), row.GetInt64(3)),
        start,
        start + "~",
        count);

    /// <summary>Manifests whose digests begin so.</summary>
    public static ValueTask<List<FoundManifest>> ManifestsLikeAsync(SqlSession session, string start, long count) => session.ListAsync(
        """
        SELECT r.name, m.digest, m.media_type, m.artifact_type FROM manifests m JOIN repositories r ON r.id = m.repository
        WHERE m.digest >= $1 AND m.digest < $2 LIMIT $3
        """,
        static row => new FoundManifest(row.GetString(0), Digest.Parse(row.GetString(1)), row.GetString(2), Text(row, 3)),
        start,
        start + "g",
        count);

    /// <summary>Repositories that have a blob whose digest begins so.</summary>
    public static ValueTask<List<(string Repository, Digest Digest, long Size)>> BlobsLikeAsync(SqlSession session, string start, long count) =>
        session.ListAsync(
            """
            SELECT r.name, l.digest, b.size FROM repository_blobs l JOIN repositories r ON r.id = l.repository JOIN blobs b ON b.digest = l.digest
            WHERE l.digest >= $1 AND l.digest < $2 LIMIT $3
            """,
            static row => (row.GetString(0), Digest.Parse(row.GetString(1)), row.GetInt64(2)),
            start,
            start + "g",
            count);

    internal static TagMove Move(DbDataReader row, int first) => new(
        row.GetInt64(first), row.GetString(first + 1), row.GetInt64(first + 2), row.GetString(first + 3),
        row.IsDBNull(first + 4) ? null : Digest.Parse(row.GetString(first + 4)),
        row.IsDBNull(first + 5) ? null : Digest.Parse(row.GetString(first + 5)));

    internal static string? Text(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static long? Number(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetInt64(column);

    // The page is cut before the documents are looked at: they are what costs.
    private static string Tags(string order) => $"""
        SELECT t.name, t.digest, t.moved, m.media_type, m.artifact_type, m.pulled, m.pulls,
          (SELECT COUNT(*) FROM manifests s WHERE s.repository = $1 AND s.subject = t.digest),
          CASE WHEN m.size <= $5 THEN m.content END
        FROM (SELECT name, digest, moved FROM tags WHERE repository = $1 AND lower(name) LIKE $2 ESCAPE '\'
              ORDER BY {order} LIMIT $3 OFFSET $4) AS t
          JOIN manifests m ON m.repository = $1 AND m.digest = t.digest
        ORDER BY {order.Replace("moved", "t.moved", StringComparison.Ordinal).Replace("name", "t.name", StringComparison.Ordinal)}
        """;

    /// <summary>A pattern of LIKE that is about these characters and nothing else.</summary>
    private static string Containing(string filter) =>
        "%" + filter.ToLowerInvariant().Replace(@"\", @"\\", StringComparison.Ordinal).Replace("%", @"\%", StringComparison.Ordinal)
            .Replace("_", @"\_", StringComparison.Ordinal) + "%";

    /// <summary>A page of parameters: always as many, so that it is one statement whatever the number of rows.</summary>
    private static string Places(int first) => string.Join(", ", Enumerable.Range(first, Page).Select(place => $"${place}"));

    private static object?[] Padded(object?[] first, IReadOnlyList<string> values) =>
        [.. first, .. values, .. Enumerable.Repeat<object?>("", Page - values.Count)];
}
