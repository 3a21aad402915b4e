using System.Data.Common;
using Mica.Oci;

namespace Mica.RegistryServer.Metadata;

/// <summary>One move of a tag.</summary>
/// <param name="Id">Counts up.</param>
/// <param name="Tag">The tag.</param>
/// <param name="Moved">When, in Unix milliseconds.</param>
/// <param name="Who">Whose request did it.</param>
/// <param name="Was">What it stood for before; null when there was none.</param>
/// <param name="Became">What it stood for after; null when it was removed.</param>
internal sealed record TagMove(long Id, string Tag, long Moved, string Who, Digest? Was, Digest? Became);

/// <summary>Tags, and the journal of their moves.</summary>
internal static class TagRows
{
    public static ValueTask<Digest?> FindAsync(SqlSession session, long repository, string tag) => session.FirstAsync(
        "SELECT digest FROM tags WHERE repository = $1 AND name = $2", static row => (Digest?)Digest.Parse(row.GetString(0)), repository, tag);

    /// <summary>At most <paramref name="count"/> tags behind <paramref name="last"/>, in the order of their bytes.</summary>
    public static ValueTask<List<string>> ListAsync(SqlSession session, long repository, string last, long count) => session.ListAsync(
        "SELECT name FROM tags WHERE repository = $1 AND name > $2 ORDER BY name LIMIT $3", static row => row.GetString(0), repository, last, count);

    /// <summary>Lets the tag stand for a manifest that is there; tells what it stood for. A move to where it stands is none.</summary>
    public static async ValueTask<Digest?> MoveAsync(
        SqlSession session, long repository, string name, string tag, Digest digest, string who, long now)
    {
        Digest? was = await FindAsync(session, repository, tag);
        if (was == digest)
        {
            // No move, but a push: retention counts from here.
            await session.RunAsync("UPDATE tags SET moved = $3 WHERE repository = $1 AND name = $2", repository, tag, now);
            return was;
        }

        await session.RunAsync(
            """
            INSERT INTO tags (repository, name, digest, moved) VALUES ($1, $2, $3, $4)
            ON CONFLICT (repository, name) DO UPDATE SET digest = excluded.digest, moved = excluded.moved
            """,
            repository,
            tag,
            digest.ToString(),
            now);
        await session.RunAsync("UPDATE manifests SET untagged = 0 WHERE repository = $1 AND digest = $2", repository, digest.ToString());
        await AfterAsync(session, repository, name, tag, was, digest, who, now);
        return was;
    }

    /// <summary>Removes the tag alone; null when there was none.</summary>
    public static async ValueTask<Digest?> RemoveAsync(SqlSession session, long repository, string name, string tag, string who, long now)
    {
        Digest? was = await FindAsync(session, repository, tag);
        if (was is not null)
        {
            await session.RunAsync("DELETE FROM tags WHERE repository = $1 AND name = $2", repository, tag);
            await AfterAsync(session, repository, name, tag, was, null, who, now);
        }

        return was;
    }

    /// <summary>The tags that stand for a manifest.</summary>
    public static ValueTask<List<string>> OfAsync(SqlSession session, long repository, Digest digest) => session.ListAsync(
        "SELECT name FROM tags WHERE repository = $1 AND digest = $2 ORDER BY name", static row => row.GetString(0), repository, digest.ToString());

    /// <summary>The moves of a tag, or of all tags of the repository, newest first.</summary>
    public static ValueTask<List<TagMove>> JournalAsync(SqlSession session, string repository, string? tag, long before, long count) =>
        tag is null
            ? session.ListAsync(
                "SELECT id, tag, moved, who, was, became FROM journal WHERE repository = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                Read,
                repository,
                before,
                count)
            : session.ListAsync(
                "SELECT id, tag, moved, who, was, became FROM journal WHERE repository = $1 AND tag = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
                Read,
                repository,
                tag,
                before,
                count);

    /// <summary>Forgets moves from before a time; tells how many.</summary>
    public static ValueTask<int> ForgetAsync(SqlSession session, long before, long count) => session.RunAsync(
        "DELETE FROM journal WHERE id IN (SELECT id FROM journal WHERE moved < $1 ORDER BY moved LIMIT $2)", before, count);

    private static async ValueTask AfterAsync(
        SqlSession session, long repository, string name, string tag, Digest? was, Digest? became, string who, long now)
    {
        await session.RunAsync(
            "INSERT INTO journal (repository, tag, moved, who, was, became) VALUES ($1, $2, $3, $4, $5, $6)",
            name,
            tag,
            now,
            who,
            was?.ToString(),
            became?.ToString());
        if (was is { } left)
        {
            await session.RunAsync(
                """
                UPDATE manifests SET untagged = $3, due = 0 WHERE repository = $1 AND digest = $2
                  AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.repository = $1 AND t.digest = $2)
                """,
                repository,
                left.ToString(),
                now);
        }
    }

    private static TagMove Read(DbDataReader row) => new(
        row.GetInt64(0), row.GetString(1), row.GetInt64(2), row.GetString(3), DigestAt(row, 4), DigestAt(row, 5));

    private static Digest? DigestAt(DbDataReader row, int column) =>
        row.IsDBNull(column) ? null : Digest.Parse(row.GetString(column));
}
