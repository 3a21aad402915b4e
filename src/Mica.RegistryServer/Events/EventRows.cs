using System.Data.Common;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Events;

/// <summary>An event that somebody is to be told of.</summary>
/// <param name="Event">Counts up.</param>
/// <param name="Uid">The event's id, the same at every attempt.</param>
/// <param name="Repository">Where it happened.</param>
/// <param name="Queued">Since when it is to be delivered.</param>
/// <param name="Attempts">How many have failed.</param>
/// <param name="Body">The CloudEvent.</param>
internal sealed record Delivery(long Event, string Uid, string Repository, long Queued, long Attempts, string Body);

/// <summary>Events, and their deliveries that are still to come.</summary>
internal static class EventRows
{
    public static ValueTask<long> AddAsync(SqlSession session, string uid, string kind, string repository, string body, long now) =>
        session.NumberAsync(
            "INSERT INTO events (uid, kind, repository, created, body) VALUES ($1, $2, $3, $4, $5) RETURNING id", uid, kind, repository, now, body);

    /// <summary>Wants the event delivered; it may be waiting already.</summary>
    public static ValueTask<int> QueueAsync(SqlSession session, string receiver, string repository, long id, long now) => session.RunAsync(
        """
        INSERT INTO deliveries (receiver, repository, event, queued, due) VALUES ($1, $2, $3, $4, $4)
        ON CONFLICT (receiver, repository, event) DO UPDATE SET queued = excluded.queued, due = excluded.due
        """,
        receiver,
        repository,
        id,
        now);

    /// <summary>What may be delivered now: of each repository the oldest, so that a receiver gets them in order.</summary>
    public static ValueTask<List<Delivery>> DueAsync(SqlSession session, string receiver, long now, long count) => session.ListAsync(
        """
        SELECT d.event, e.uid, d.repository, d.queued, d.attempts, e.body FROM deliveries d JOIN events e ON e.id = d.event
        WHERE d.receiver = $1 AND d.due <= $2 AND d.claimed <= $2
          AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.receiver = d.receiver AND o.repository = d.repository AND o.event < d.event)
        ORDER BY d.event LIMIT $3
        """,
        static row => new Delivery(row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetInt64(3), row.GetInt64(4), row.GetString(5)),
        receiver,
        now,
        count);

    /// <summary>Takes the delivery for this process until a time; false when another has it, or has done it.</summary>
    public static async ValueTask<bool> ClaimAsync(SqlSession session, string receiver, Delivery delivery, long now, long until) => await session.RunAsync(
        "UPDATE deliveries SET claimed = $5 WHERE receiver = $1 AND repository = $2 AND event = $3 AND claimed <= $4",
        receiver,
        delivery.Repository,
        delivery.Event,
        now,
        until) > 0;

    public static ValueTask<int> DoneAsync(SqlSession session, string receiver, Delivery delivery) => session.RunAsync(
        "DELETE FROM deliveries WHERE receiver = $1 AND repository = $2 AND event = $3", receiver, delivery.Repository, delivery.Event);

    /// <summary>Puts the delivery off, and lets it be claimed again.</summary>
    public static ValueTask<int> PutOffAsync(SqlSession session, string receiver, Delivery delivery, long due, long attempts) => session.RunAsync(
        "UPDATE deliveries SET claimed = 0, due = $4, attempts = $5 WHERE receiver = $1 AND repository = $2 AND event = $3",
        receiver,
        delivery.Repository,
        delivery.Event,
        due,
        attempts);

    /// <summary>Events before <paramref name="before"/>, newest first; all repositories when <paramref name="repository"/> is empty.</summary>
    public static ValueTask<List<RegistryEvent>> ListAsync(SqlSession session, string repository, long after, long before, long count) =>
        session.ListAsync(
            """
            SELECT e.id, e.uid, e.kind, e.repository, e.created, e.body, (SELECT COUNT(*) FROM deliveries d WHERE d.event = e.id)
            FROM events e WHERE e.id > $1 AND e.id < $2 AND ($3 = '' OR e.repository = $3) ORDER BY e.id DESC LIMIT $4
            """,
            Read,
            after,
            before,
            repository,
            count);

    public static ValueTask<RegistryEvent?> FindAsync(SqlSession session, long id) => session.FirstAsync<RegistryEvent?>(
        "SELECT id, uid, kind, repository, created, body, (SELECT COUNT(*) FROM deliveries d WHERE d.event = events.id) FROM events WHERE id = $1",
        Read,
        id);

    /// <summary>Removes old events that wait for nobody, and deliveries to receivers that are not there any more.</summary>
    public static async ValueTask<int> ExpireAsync(SqlSession session, IEnumerable<string> receivers, long before, long count)
    {
        var known = new HashSet<string>(receivers, StringComparer.Ordinal);
        foreach (string receiver in await session.ListAsync("SELECT DISTINCT receiver FROM deliveries", static row => row.GetString(0)))
        {
            if (!known.Contains(receiver))
            {
                await session.RunAsync("DELETE FROM deliveries WHERE receiver = $1 AND queued < $2", receiver, before);
            }
        }

        return await session.RunAsync(
            """
            DELETE FROM events WHERE id IN (
              SELECT e.id FROM events e WHERE e.created < $1 AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event = e.id) LIMIT $2)
            """,
            before,
            count);
    }

    private static RegistryEvent Read(DbDataReader row) => new()
    {
        Id = row.GetInt64(0),
        Uid = row.GetString(1),
        Kind = row.GetString(2),
        Repository = row.GetString(3),
        Time = DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(4)),
        Body = row.GetString(5),
        Waiting = (int)row.GetInt64(6),
    };
}
