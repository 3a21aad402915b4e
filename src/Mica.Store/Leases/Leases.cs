using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// What operations under way hold. A lease belongs to a slot, a file that its process keeps locked, so that the leases of a
/// dead process are known by their unlocked slot, whatever its pid was and in whichever pid namespace.
/// </summary>
internal sealed class Leases(StoreLayout layout, Catalog catalog, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private KeyLock? _slot;
    private long _number;

    /// <summary>Begins a lease of this process.</summary>
    public long Begin(string purpose, TimeSpan? lifetime)
    {
        long slot = Slot();
        DateTimeOffset now = time.GetUtcNow();
        return catalog.Write(database =>
        {
            using Statement insert = database.Use("INSERT INTO leases(slot, purpose, pid, created, expires) VALUES(?1, ?2, ?3, ?4, ?5)");
            insert.Bind(1, slot).Bind(2, purpose).Bind(3, Environment.ProcessId).Bind(4, now);
            if (lifetime is { } span)
            {
                insert.Bind(5, now + span);
            }

            insert.Run();
            return database.LastRowId;
        });
    }

    /// <summary>Ends the lease: what only it held may go.</summary>
    public void End(long lease) => catalog.Write(database => Remove(database, "id = ?1", lease));

    /// <summary>Makes <paramref name="lease"/> hold the blob, or the layer with the diffID, and all that a document refers to.</summary>
    public static void Hold(Database database, long lease, Digest digest)
    {
        using Statement insert = database.Use("INSERT OR IGNORE INTO lease_items(lease, digest) SELECT id, ?2 FROM leases WHERE id = ?1");
        insert.Bind(1, lease).Bind(2, digest).Run();
    }

    /// <summary>Removes the leases of processes that are dead, and those that are over.</summary>
    public void RemoveDead()
    {
        foreach (long slot in catalog.Read(Slots))
        {
            // With the slot's lock in hand nobody can begin a lease in it meanwhile.
            using KeyLock? held = slot == (_slot is null ? -1 : _number) ? null : KeyLock.TryAcquire(layout.Slot(slot));
            if (held is not null)
            {
                catalog.Write(database => Remove(database, "slot = ?1", slot));
            }
        }

        catalog.Write(database => Remove(database, "expires < ?1", time.GetUtcNow().UtcTicks));
    }

    public void Dispose() => _slot?.Dispose();

    private static List<long> Slots(Database database)
    {
        var slots = new List<long>();
        using Statement statement = database.Use("SELECT DISTINCT slot FROM leases");
        while (statement.Step())
        {
            slots.Add(statement.Long(0));
        }

        return slots;
    }

    private static void Remove(Database database, string which, long value)
    {
        using Statement items = database.Use($"DELETE FROM lease_items WHERE lease IN (SELECT id FROM leases WHERE {which})");
        items.Bind(1, value).Run();
        using Statement leases = database.Use($"DELETE FROM leases WHERE {which}");
        leases.Bind(1, value).Run();
    }

    /// <summary>The first slot that nobody has; its former owner's leases end.</summary>
    private long Slot()
    {
        lock (_gate)
        {
            while (_slot is null)
            {
                _slot = KeyLock.TryAcquire(layout.Slot(_number));
                if (_slot is null)
                {
                    _number++;
                }
                else
                {
                    catalog.Write(database => Remove(database, "slot = ?1", _number));
                }
            }

            return _number;
        }
    }
}
