using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// Containers, volumes and networks. Every change is one atomic transaction; of the last ones a power failure may undo some.
/// What a definition or a state says is known to its owner alone.
/// </summary>
public sealed class ObjectRecords
{
    private const int KeptEvents = 10_000;
    private const string Columns = "SELECT id, name, created, definition, state FROM objects";

    private readonly ImageStore _store;

    internal ObjectRecords(ImageStore store) => _store = store;

    /// <summary>Adds an object. A container holds <paramref name="manifest"/> with its config and layers, for as long as it is there.</summary>
    /// <returns>The object that has the name already; null when it was added.</returns>
    public Task<StoredObject?> AddAsync(ObjectKind kind, StoredObject added, Digest? manifest, CancellationToken cancellationToken) =>
        _store.WriteAsync(database =>
        {
            if (One(database, $"{Columns} WHERE kind = ?1 AND name = ?2", kind, added.Name) is { } taken)
            {
                return taken;
            }

            using Statement insert = database.Use("INSERT INTO objects(kind, id, name, created, definition, state) VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
            insert.Bind(1, Word(kind)).Bind(2, added.Id).Bind(3, added.Name).Bind(4, added.Created).Bind(5, added.Definition).Bind(6, added.State).Run();
            if (manifest is { } used)
            {
                using Statement use = database.Use("INSERT OR REPLACE INTO container_uses(container, manifest, running) VALUES(?1, ?2, 0)");
                use.Bind(1, added.Id).Bind(2, used).Run();
            }

            return null;
        }, cancellationToken, durable: false);

    /// <summary>All objects of a kind, the newest first.</summary>
    public Task<ImmutableArray<StoredObject>> ListAsync(ObjectKind kind, CancellationToken cancellationToken) =>
        _store.ReadAsync(database => Read(database, $"{Columns} WHERE kind = ?1 ORDER BY created DESC, id", kind, null), cancellationToken);

    /// <summary>The object with this name or identifier, or the only one whose identifier begins so; null when there is none.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: it is the beginning of several identifiers.</exception>
    public Task<StoredObject?> FindAsync(ObjectKind kind, string text, CancellationToken cancellationToken) => _store.ReadAsync(database =>
    {
        if (One(database, $"{Columns} WHERE kind = ?1 AND id = ?2", kind, text) is { } identified)
        {
            return identified;
        }

        if (One(database, $"{Columns} WHERE kind = ?1 AND name = ?2", kind, text) is { } named)
        {
            return named;
        }

        if (text.Length == 0 || !text.All(char.IsAsciiHexDigitLower))
        {
            return null;
        }

        ImmutableArray<StoredObject> near = Read(database, $"{Columns} WHERE kind = ?1 AND id >= ?2 AND id < ?2 || 'g' LIMIT 2", kind, text);
        return near.Length > 1
            ? throw new MicaException(ErrorKind.InvalidArgument, $"multiple IDs found with provided prefix: {text}")
            : near.FirstOrDefault();
    }, cancellationToken);

    /// <summary>Sets an object's state, and tells what happened; <paramref name="running"/>: whether its image may not be removed even by force.</summary>
    /// <returns>False: there is no such object any more.</returns>
    public Task<bool> SetStateAsync(ObjectKind kind, string id, string state, bool running, CancellationToken cancellationToken) =>
        _store.WriteAsync(database =>
        {
            using Statement update = database.Use("UPDATE objects SET state = ?3 WHERE kind = ?1 AND id = ?2");
            bool found = update.Bind(1, Word(kind)).Bind(2, id).Bind(3, state).Run() > 0;
            using Statement use = database.Use("UPDATE container_uses SET running = ?2 WHERE container = ?1 AND running <> ?2");
            use.Bind(1, id).Bind(2, running ? 1 : 0).Run();
            return found;
        }, cancellationToken, durable: false);

    /// <summary>Sets what was asked for.</summary>
    public Task SetDefinitionAsync(ObjectKind kind, string id, string definition, CancellationToken cancellationToken) =>
        _store.WriteAsync(database =>
        {
            using Statement update = database.Use("UPDATE objects SET definition = ?3 WHERE kind = ?1 AND id = ?2");
            return update.Bind(1, Word(kind)).Bind(2, id).Bind(3, definition).Run();
        }, cancellationToken, durable: false);

    /// <summary>Gives an object another name.</summary>
    /// <returns>The object that has the name already; null when it was given.</returns>
    public Task<StoredObject?> RenameAsync(ObjectKind kind, string id, string name, CancellationToken cancellationToken) => _store.WriteAsync(database =>
    {
        if (One(database, $"{Columns} WHERE kind = ?1 AND name = ?2", kind, name) is { } taken)
        {
            return taken;
        }

        using Statement update = database.Use("UPDATE objects SET name = ?3 WHERE kind = ?1 AND id = ?2");
        update.Bind(1, Word(kind)).Bind(2, id).Bind(3, name).Run();
        return null;
    }, cancellationToken, durable: false);

    /// <summary>Removes an object; what a container held of its image may go then.</summary>
    public Task RemoveAsync(ObjectKind kind, string id, CancellationToken cancellationToken) => _store.WriteAsync(database =>
    {
        using Statement delete = database.Use("DELETE FROM objects WHERE kind = ?1 AND id = ?2");
        delete.Bind(1, Word(kind)).Bind(2, id).Run();
        using Statement use = database.Use("DELETE FROM container_uses WHERE container = ?1");
        return use.Bind(1, id).Run();
    }, cancellationToken, durable: false);

    /// <summary>Takes note of what happened; of all that did the last ten thousand are kept.</summary>
    public Task AddEventAsync(DateTimeOffset at, string document, CancellationToken cancellationToken) => _store.WriteAsync(database =>
    {
        using Statement insert = database.Use("INSERT INTO events(at, event) VALUES(?1, ?2)");
        insert.Bind(1, at).Bind(2, document).Run();
        using Statement delete = database.Use("DELETE FROM events WHERE sequence <= ?1");
        return delete.Bind(1, database.LastRowId - KeptEvents).Run();
    }, cancellationToken, durable: false);

    /// <summary>What happened after the event number <paramref name="after"/>, in its order.</summary>
    public Task<ImmutableArray<StoredEvent>> EventsAsync(long after, CancellationToken cancellationToken) => _store.ReadAsync(database =>
    {
        ImmutableArray<StoredEvent>.Builder events = ImmutableArray.CreateBuilder<StoredEvent>();
        using Statement rows = database.Use("SELECT sequence, at, event FROM events WHERE sequence > ?1 ORDER BY sequence");
        rows.Bind(1, after);
        while (rows.Step())
        {
            events.Add(new StoredEvent(rows.Long(0), rows.Time(1), rows.Text(2)));
        }

        return events.ToImmutable();
    }, cancellationToken);

    private static string Word(ObjectKind kind) => kind switch
    {
        ObjectKind.Container => "container",
        ObjectKind.Volume => "volume",
        _ => "network",
    };

    private static StoredObject? One(Database database, string sql, ObjectKind kind, string argument) => Read(database, sql, kind, argument).FirstOrDefault();

    private static ImmutableArray<StoredObject> Read(Database database, string sql, ObjectKind kind, string? argument)
    {
        ImmutableArray<StoredObject>.Builder found = ImmutableArray.CreateBuilder<StoredObject>();
        using Statement rows = database.Use(sql);
        rows.Bind(1, Word(kind));
        if (argument is not null)
        {
            rows.Bind(2, argument);
        }

        while (rows.Step())
        {
            found.Add(new StoredObject(rows.Text(0), rows.Text(1), rows.Time(2), rows.Text(3), rows.Text(4)));
        }

        return found.ToImmutable();
    }
}
