using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// Deletes rows of content that nothing needs any more: no image, no other document, no lease, no container. Content is
/// acyclic, so whatever loses its last parent can go at once; what is deleted, and nothing else of the catalog, is looked at.
/// </summary>
internal sealed class ContentSweep(Database database)
{
    private readonly List<(Digest Digest, long Size)> _blobs = [];
    private readonly List<(Digest DiffId, long Size)> _layers = [];
    private readonly HashSet<Digest> _ids = [];
    private readonly List<Digest> _chains = [];

    /// <summary>Blobs whose rows are gone; their files go when the transaction has been committed.</summary>
    public IReadOnlyList<(Digest Digest, long Size)> Blobs => _blobs;

    /// <summary>Layers whose rows are gone; their directories go when the transaction has been committed.</summary>
    public IReadOnlyList<(Digest DiffId, long Size)> Layers => _layers;

    /// <summary>Deletes <paramref name="seeds"/> and what is below them, as far as nothing else needs it.</summary>
    public void Sweep(IEnumerable<Digest> seeds)
    {
        var queue = new Queue<Digest>(seeds);
        var diffIds = new HashSet<Digest>();
        while (queue.TryDequeue(out Digest digest))
        {
            if (!IsFree(digest) || Size(digest) is not { } size)
            {
                continue;
            }

            foreach (Digest child in Column("SELECT child FROM edges WHERE parent = ?1", digest))
            {
                queue.Enqueue(child);
            }

            diffIds.UnionWith(Column("SELECT diff_id FROM manifest_layers WHERE manifest = ?1", digest));
            _chains.AddRange(Column("SELECT chain_id FROM manifest_layers WHERE manifest = ?1 ORDER BY position DESC", digest));
            _ids.UnionWith(Column("SELECT config FROM manifests WHERE digest = ?1", digest));
            Run("DELETE FROM edges WHERE parent = ?1", digest);
            Run("DELETE FROM manifest_layers WHERE manifest = ?1", digest);
            Run("DELETE FROM manifests WHERE digest = ?1", digest);
            Run("DELETE FROM blobs WHERE digest = ?1", digest);
            _blobs.Add((digest, size));
        }

        SweepLayers(diffIds);
    }

    /// <summary>Deletes what no image ever needed, such as the content of a pull that was given up.</summary>
    public void SweepOrphans()
    {
        Sweep(Column("""
            SELECT digest FROM blobs b WHERE NOT EXISTS(SELECT 1 FROM edges e WHERE e.child = b.digest)
            AND digest NOT IN (SELECT digest FROM roots)
            """, null));
        SweepLayers(Column("""
            SELECT diff_id FROM layers l WHERE NOT EXISTS(SELECT 1 FROM manifest_layers m WHERE m.diff_id = l.diff_id)
            """, null));
    }

    /// <summary>The image IDs and the chainIDs that are gone, as docker tells them.</summary>
    public ImmutableArray<Deleted> Deletions() =>
    [
        .. _ids.Where(id => !Any("SELECT 1 FROM manifests WHERE config = ?1", id)).Select(id => new Deleted(id)),
        .. _chains.Distinct().Where(chain => !Any("SELECT 1 FROM manifest_layers WHERE chain_id = ?1", chain))
            .Select(chain => new Deleted(chain)),
    ];

    /// <summary>Deletes the layers with these diffIDs, as far as nothing needs them.</summary>
    public void SweepLayers(IEnumerable<Digest> diffIds)
    {
        foreach (Digest diffId in diffIds)
        {
            if (Any("SELECT 1 FROM manifest_layers WHERE diff_id = ?1", diffId) || Any("SELECT 1 FROM lease_items WHERE digest = ?1", diffId)
                || Any("SELECT 1 FROM build_records WHERE layer = ?1", diffId))
            {
                continue;
            }

            using Statement row = database.Use("DELETE FROM layers WHERE diff_id = ?1 RETURNING bytes");
            if (row.Bind(1, diffId).Step())
            {
                _layers.Add((diffId, row.Long(0)));
                row.Run();
            }
        }
    }

    private bool IsFree(Digest digest)
    {
        using Statement row = database.Use("""
            SELECT 1 FROM roots WHERE digest = ?1
            UNION ALL SELECT 1 FROM edges WHERE child = ?1
            UNION ALL SELECT 1 FROM lease_items WHERE digest = ?1
            UNION ALL SELECT 1 FROM container_uses WHERE manifest = ?1
            UNION ALL SELECT 1 FROM build_records WHERE layer = ?1
            UNION ALL SELECT 1 FROM build_records r JOIN layers l ON l.diff_id = r.layer WHERE l.blob = ?1
            """);
        return !row.Bind(1, digest).Step();
    }

    private long? Size(Digest digest)
    {
        using Statement row = database.Use("SELECT size FROM blobs WHERE digest = ?1");
        return row.Bind(1, digest).Step() ? row.Long(0) : null;
    }

    private bool Any(string sql, Digest digest)
    {
        using Statement row = database.Use(sql);
        return row.Bind(1, digest).Step();
    }

    private void Run(string sql, Digest digest)
    {
        using Statement statement = database.Use(sql);
        statement.Bind(1, digest).Run();
    }

    private List<Digest> Column(string sql, Digest? digest)
    {
        var values = new List<Digest>();
        using Statement rows = database.Use(sql);
        if (digest is { } value)
        {
            rows.Bind(1, value);
        }

        while (rows.Step())
        {
            values.Add(rows.Digest(0));
        }

        return values;
    }
}
