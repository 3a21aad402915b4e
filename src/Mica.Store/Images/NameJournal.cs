using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// Moves names. Every move is written to the journal in the same transaction, and keeps what the name stood for until the
/// grace time is over.
/// </summary>
internal static class NameJournal
{
    /// <summary>Makes <paramref name="name"/> stand for the root, or be known by its digest.</summary>
    public static NameMove Assign(Database database, ImageReference name, Digest root, string cause, StoreOptions options)
    {
        if (name.Digest is { } digest)
        {
            if (digest != root)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"{name} cannot stand for {root}");
            }

            bool isNew = RecordDigest(database, name.Name, root);
            return new NameMove(name.Familiar, isNew ? null : root, root);
        }

        ImageReference tagged = name.WithDefaultTag();
        return Move(database, tagged.ToString(), tagged.Name, root, cause, options, undoes: null);
    }

    /// <summary>Makes the repository known to hold the root under its digest; false when it was.</summary>
    public static bool RecordDigest(Database database, string repository, Digest root)
    {
        using Statement insert = database.Use("INSERT OR IGNORE INTO repository_digests(repository, digest) VALUES(?1, ?2)");
        if (insert.Bind(1, repository).Bind(2, root).Run() == 0)
        {
            return false;
        }

        CountChange(database);
        return true;
    }

    /// <summary>Makes the repository unknown to hold the root.</summary>
    public static void ForgetDigest(Database database, string repository, Digest root)
    {
        using Statement delete = database.Use("DELETE FROM repository_digests WHERE repository = ?1 AND digest = ?2");
        delete.Bind(1, repository).Bind(2, root).Run();
        CountChange(database);
    }

    /// <summary>Makes the name stand for <paramref name="target"/>, or for nothing.</summary>
    public static NameMove Move(
        Database database, string name, string repository, Digest? target, string cause, StoreOptions options, long? undoes)
    {
        DateTimeOffset now = options.Time.GetUtcNow();
        Digest? former = Target(database, name);
        if (target is { } digest)
        {
            using Statement set = database.Use("""
                INSERT INTO names(name, repository, target, moved) VALUES(?1, ?2, ?3, ?4)
                ON CONFLICT(name) DO UPDATE SET target = ?3, moved = ?4 WHERE target <> ?3
                """);
            set.Bind(1, name).Bind(2, repository).Bind(3, digest).Bind(4, now).Run();
            using Statement root = database.Use("UPDATE roots SET tagged = ?2 WHERE digest = ?1");
            root.Bind(1, digest).Bind(2, now).Run();
        }
        else
        {
            using Statement remove = database.Use("DELETE FROM names WHERE name = ?1");
            remove.Bind(1, name).Run();
        }

        if (former == target)
        {
            return new NameMove(name, former, target);
        }

        if (former is { } left && target is not null)
        {
            using Statement retain = database.Use("UPDATE roots SET retained = max(coalesce(retained, 0), ?2) WHERE digest = ?1");
            retain.Bind(1, left).Bind(2, now + options.Grace).Run();
        }

        using Statement entry = database.Use(
            "INSERT INTO journal(name, at, source, target, cause, undoes) VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
        entry.Bind(1, name).Bind(2, now).Bind(3, former?.ToString()).Bind(4, target?.ToString()).Bind(5, cause);
        if (undoes is { } sequence)
        {
            entry.Bind(6, sequence);
        }

        entry.Run();
        CountChange(database);
        return new NameMove(name, former, target);
    }

    /// <summary>The root that the name stands for.</summary>
    public static Digest? Target(Database database, string name)
    {
        using Statement row = database.Use("SELECT target FROM names WHERE name = ?1");
        return row.Bind(1, name).Step() ? row.Digest(0) : null;
    }

    /// <summary>The moves of the name, or of all names, newest first.</summary>
    public static ImmutableArray<JournalEntry> Read(Database database, string? name)
    {
        ImmutableArray<JournalEntry>.Builder entries = ImmutableArray.CreateBuilder<JournalEntry>();
        using Statement rows = database.Use($"""
            SELECT j.sequence, j.name, j.at, j.source, j.target, j.cause, j.undoes, r.digest IS NOT NULL
            FROM journal j LEFT JOIN roots r ON r.digest = j.source
            {(name is null ? "" : "WHERE j.name = ?1")} ORDER BY j.sequence DESC
            """);
        if (name is not null)
        {
            rows.Bind(1, name);
        }

        while (rows.Step())
        {
            entries.Add(new JournalEntry
            {
                Sequence = rows.Long(0),
                Name = rows.Text(1),
                At = rows.Time(2),
                From = rows.DigestOrNull(3),
                To = rows.DigestOrNull(4),
                Cause = rows.Text(5),
                Undoes = rows.LongOrNull(6),
                CanUndo = rows.Bool(7),
            });
        }

        return entries.ToImmutable();
    }

    /// <summary>
    /// Takes back the last move of the name that was not taken back yet. The undo is a move itself; undoing again goes
    /// further back.
    /// </summary>
    public static NameMove Undo(Database database, ImageReference name, StoreOptions options)
    {
        ImmutableArray<JournalEntry> entries = Read(database, name.ToString());
        HashSet<long> undone = [.. entries.Select(entry => entry.Undoes).OfType<long>()];
        JournalEntry? last = entries.FirstOrDefault(entry => entry.Undoes is null && !undone.Contains(entry.Sequence));
        if (last?.From is not { } former)
        {
            throw new MicaException(ErrorKind.NotFound,
                entries.IsEmpty ? $"{name.Familiar}: no such name, now or before" : $"{name.Familiar}: there is no move to undo");
        }

        return last.CanUndo
            ? Move(database, name.ToString(), name.Name, former, "undo", options, last.Sequence)
            : throw new MicaException(ErrorKind.NotFound,
                $"{name.Familiar}: the image it stood for before, {former}, is not in the store any more");
    }

    private static void CountChange(Database database)
    {
        using Statement count = database.Use("UPDATE counters SET value = value + 1 WHERE name = 'names'");
        count.Run();
    }
}
