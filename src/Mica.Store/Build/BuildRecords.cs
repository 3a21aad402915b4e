using System.Collections.Immutable;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>The results of build steps. What a record names stays in the store for as long as the record.</summary>
public sealed class BuildRecords
{
    private const string Columns = """
        r.key, r.slot, r.description, r.inputs, r.layer, r.created, r.used, r.uses, b.size, b.digest, b.media_type,
        CASE WHEN EXISTS(SELECT 1 FROM manifest_layers m WHERE m.diff_id = r.layer) THEN 0 ELSE coalesce(b.size, 0) + coalesce(l.bytes, 0) END
        FROM build_records r LEFT JOIN layers l ON l.diff_id = r.layer LEFT JOIN blobs b ON b.digest = l.blob
        """;

    private readonly ImageStore _store;
    private readonly TimeProvider _time;

    internal BuildRecords(ImageStore store, TimeProvider time)
    {
        _store = store;
        _time = time;
    }

    /// <summary>
    /// The record with the key, or with an alias that is the same, whose layer is here, held by <paramref name="lease"/>; null
    /// when there is none.
    /// </summary>
    public Task<BuildRecord?> FindAsync(Digest key, StoreLease lease, CancellationToken cancellationToken) => _store.WriteAsync(database =>
    {
        if (Read(database, $"""
            SELECT {Columns} WHERE r.key = coalesce((SELECT a.key FROM build_aliases a WHERE a.alias = ?1), ?1)
            """, key.ToString()) is not [var record])
        {
            return null;
        }

        if (record.DiffId is { } diffId)
        {
            using Statement here = database.Use("""
                SELECT 1 FROM layers l JOIN blobs b ON b.digest = l.blob WHERE l.diff_id = ?1
                AND (l.pending IS NULL OR l.pending = ?2) AND (b.pending IS NULL OR b.pending = ?2)
                """);
            if (!here.Bind(1, diffId).Bind(2, ProcessIdentity.CurrentBootId).Step())
            {
                return null;
            }

            Leases.Hold(database, lease.Id, diffId);
            Leases.Hold(database, lease.Id, record.Layer!.Digest);
        }

        using Statement use = database.Use("UPDATE build_records SET used = ?2, uses = uses + 1 WHERE key = ?1");
        use.Bind(1, record.Key).Bind(2, _time.GetUtcNow()).Run();
        return record;
    }, cancellationToken, durable: false);

    /// <summary>The record of the same place that was used last, to compare with; null when there is none.</summary>
    public Task<BuildRecord?> LatestAsync(string slot, CancellationToken cancellationToken) => _store.ReadAsync(
        database => Read(database, $"SELECT {Columns} WHERE r.slot = ?1 AND r.inputs <> '' ORDER BY r.used DESC LIMIT 1", slot).FirstOrDefault(),
        cancellationToken);

    /// <summary>Keeps a result, in place of one with the same key.</summary>
    public Task AddAsync(BuildRecord record, CancellationToken cancellationToken) => _store.WriteAsync(database =>
    {
        using Statement insert = database.Use("""
            INSERT OR REPLACE INTO build_records(key, slot, description, inputs, layer, created, used, uses)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)
            """);
        return insert.Bind(1, record.Key).Bind(2, record.Slot).Bind(3, record.Description).Bind(4, record.Inputs)
            .Bind(5, record.DiffId?.ToString()).Bind(6, record.Created).Bind(7, _time.GetUtcNow()).Run();
    }, cancellationToken, durable: false);

    /// <summary>The record with <paramref name="key"/> is found by <paramref name="alias"/> too from now on, for as long as it is there.</summary>
    public Task AddAliasAsync(Digest alias, Digest key, CancellationToken cancellationToken) => _store.WriteAsync(database =>
    {
        using Statement insert = database.Use("INSERT OR REPLACE INTO build_aliases(alias, key) VALUES(?1, ?2)");
        return insert.Bind(1, alias).Bind(2, key).Run();
    }, cancellationToken, durable: false);

    /// <summary>All records, the one used last first.</summary>
    public Task<ImmutableArray<BuildRecord>> ListAsync(CancellationToken cancellationToken) => _store.ReadAsync(
        database => Read(database, $"SELECT {Columns} ORDER BY r.used DESC, r.key", null), cancellationToken);

    /// <summary>Removes records, and the layers that nothing else needs then.</summary>
    public Task<RemovalReport> RemoveAsync(IReadOnlyCollection<Digest> keys, CancellationToken cancellationToken) =>
        _store.SweepAsync(database =>
        {
            var layers = new List<Digest>();
            foreach (Digest key in keys)
            {
                using Statement delete = database.Use("DELETE FROM build_records WHERE key = ?1 RETURNING layer");
                if (delete.Bind(1, key).Step() && delete.DigestOrNull(0) is { } layer)
                {
                    layers.Add(layer);
                }

                delete.Run();
                using Statement aliases = database.Use("DELETE FROM build_aliases WHERE key = ?1");
                aliases.Bind(1, key).Run();
            }

            return layers;
        }, cancellationToken);

    private static ImmutableArray<BuildRecord> Read(Database database, string sql, string? argument)
    {
        ImmutableArray<BuildRecord>.Builder records = ImmutableArray.CreateBuilder<BuildRecord>();
        using Statement rows = database.Use(sql);
        if (argument is not null)
        {
            rows.Bind(1, argument);
        }

        while (rows.Step())
        {
            records.Add(new BuildRecord
            {
                Key = rows.Digest(0),
                Slot = rows.Text(1),
                Description = rows.Text(2),
                Inputs = rows.Text(3),
                DiffId = rows.DigestOrNull(4),
                Layer = rows.DigestOrNull(9) is { } blob && rows.LongOrNull(8) is { } size
                    ? new Descriptor { MediaType = rows.Text(10), Digest = blob, Size = size }
                    : null,
                Created = rows.Time(5),
                Used = rows.Time(6),
                Uses = rows.Long(7),
                OwnBytes = rows.Long(11),
            });
        }

        return records.ToImmutable();
    }
}
