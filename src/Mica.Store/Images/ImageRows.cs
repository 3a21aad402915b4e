using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>Writes an image into the catalog, and keeps its sizes true.</summary>
internal static class ImageRows
{
    /// <summary>Records the root, what it refers to, and those of its variants that are complete. Idempotent.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: the root is a manifest and not complete.</exception>
    public static void Record(Database database, ImageGraph graph, StoreOptions options) =>
        Record(database, graph, options, restore: false);

    /// <summary>
    /// Records an image that was complete once: variants whose manifest and config are here count as present, and a check
    /// tells what else they need.
    /// </summary>
    public static void Restore(Database database, ImageGraph graph, StoreOptions options) =>
        Record(database, graph, options, restore: true);

    private static void Record(Database database, ImageGraph graph, StoreOptions options, bool restore)
    {
        Descriptor root = graph.Root;
        foreach ((Digest parent, ImmutableArray<Descriptor> children) in graph.Children)
        {
            Require(database, parent, root);
            foreach (Descriptor child in children)
            {
                using Statement edge = database.Use("INSERT OR IGNORE INTO edges(parent, child) VALUES(?1, ?2)");
                edge.Bind(1, parent).Bind(2, child.Digest).Run();
            }
        }

        foreach ((Digest digest, ImageForm image) in graph.Images)
        {
            if (restore || IsComplete(database, image.Manifest))
            {
                RecordManifest(database, digest, image);
            }
        }

        if (!restore && !MediaTypes.IsIndex(root.MediaType))
        {
            foreach (Descriptor child in graph.Children[root.Digest].Where(child => !MediaTypes.IsNondistributable(child.MediaType)))
            {
                Require(database, child.Digest, root);
            }
        }

        RecordRoot(database, graph, options);
    }

    /// <summary>Sets the sizes of the images that have the diffID, after its layer was unpacked or removed.</summary>
    public static void Resize(Database database, Digest diffId)
    {
        var manifests = new List<Digest>();
        using (Statement select = database.Use("SELECT DISTINCT manifest FROM manifest_layers WHERE diff_id = ?1"))
        {
            select.Bind(1, diffId);
            while (select.Step())
            {
                manifests.Add(select.Digest(0));
            }
        }

        foreach (Digest manifest in manifests)
        {
            ResizeManifest(database, manifest);
            var roots = new List<Digest>();
            using (Statement select = database.Use("SELECT root FROM variants WHERE manifest = ?1"))
            {
                select.Bind(1, manifest);
                while (select.Step())
                {
                    roots.Add(select.Digest(0));
                }
            }

            roots.ForEach(root => ResizeRoot(database, root));
        }
    }

    private static void Require(Database database, Digest digest, Descriptor root)
    {
        if (!Exists(database, digest))
        {
            throw new MicaException(ErrorKind.NotFound, $"{root.Digest} is incomplete: {digest} is not in the store");
        }
    }

    private static bool IsComplete(Database database, ImageManifest manifest) =>
        Exists(database, manifest.Config.Digest)
        && manifest.Layers.All(layer => MediaTypes.IsNondistributable(layer.MediaType) || Exists(database, layer.Digest));

    private static bool Exists(Database database, Digest digest)
    {
        using Statement row = database.Use("SELECT 1 FROM blobs WHERE digest = ?1");
        return row.Bind(1, digest).Step();
    }

    private static void RecordManifest(Database database, Digest digest, ImageForm image)
    {
        using (Statement insert = database.Use("""
            INSERT OR REPLACE INTO manifests(digest, config, platform, created, size, labels) VALUES(?1, ?2, ?3, ?4, 0, ?5)
            """))
        {
            insert.Bind(1, digest).Bind(2, image.Manifest.Config.Digest).Bind(3, image.Config.Platform.ToString())
                .Bind(5, LabelJson.Write(image.Config.Config?.Labels));
            if (Timestamp.Read(image.Config.Created) is { } created)
            {
                insert.Bind(4, created);
            }

            insert.Run();
        }

        for (int position = 0; position < image.ChainIds.Length; position++)
        {
            Descriptor layer = image.Manifest.Layers[position];
            using Statement insert = database.Use("""
                INSERT OR REPLACE INTO manifest_layers(manifest, position, blob, media_type, size, diff_id, chain_id)
                VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)
                """);
            insert.Bind(1, digest).Bind(2, position).Bind(3, layer.Digest).Bind(4, layer.MediaType).Bind(5, layer.Size)
                .Bind(6, image.Config.RootFs.DiffIds[position]).Bind(7, image.ChainIds[position]).Run();
        }

        ResizeManifest(database, digest);
    }

    private static void RecordRoot(Database database, ImageGraph graph, StoreOptions options)
    {
        Descriptor root = graph.Root;
        using (Statement clear = database.Use("DELETE FROM variants WHERE root = ?1"))
        {
            clear.Bind(1, root.Digest).Run();
        }

        Descriptor? primary = null;
        int best = -1;
        for (int position = 0; position < graph.Variants.Count; position++)
        {
            Descriptor manifest = graph.Variants[position];
            bool present = IsPresent(database, manifest.Digest);
            Platform? platform = manifest.Platform ?? graph.Images.GetValueOrDefault(manifest.Digest)?.Config.Platform;
            using Statement insert = database.Use("""
                INSERT INTO variants(root, position, manifest, media_type, size, platform) VALUES(?1, ?2, ?3, ?4, ?5, ?6)
                """);
            insert.Bind(1, root.Digest).Bind(2, position).Bind(3, manifest.Digest).Bind(4, manifest.MediaType)
                .Bind(5, manifest.Size).Bind(6, platform?.ToString()).Run();
            int rank = platform is null ? 0 : options.Platform.Rank(platform);
            if (present && rank > best)
            {
                (primary, best) = (manifest, rank);
            }
        }

        using (Statement upsert = database.Use("""
            INSERT INTO roots(digest, media_type, document_size, primary_manifest, size, added, used)
            VALUES(?1, ?2, ?3, ?4, 0, ?5, ?5)
            ON CONFLICT(digest) DO UPDATE SET primary_manifest = ?4, used = ?5
            """))
        {
            upsert.Bind(1, root.Digest).Bind(2, root.MediaType).Bind(3, root.Size).Bind(4, primary?.Digest.ToString())
                .Bind(5, options.Time.GetUtcNow()).Run();
        }

        ResizeRoot(database, root.Digest);
    }

    private static bool IsPresent(Database database, Digest manifest)
    {
        using Statement row = database.Use("SELECT 1 FROM manifests WHERE digest = ?1");
        return row.Bind(1, manifest).Step();
    }

    private static void ResizeManifest(Database database, Digest manifest)
    {
        using Statement update = database.Use("""
            UPDATE manifests SET size = (
              SELECT coalesce(sum(coalesce(l.bytes, m.size)), 0)
              FROM manifest_layers m LEFT JOIN layers l ON l.diff_id = m.diff_id WHERE m.manifest = ?1)
            WHERE digest = ?1
            """);
        update.Bind(1, manifest).Run();
    }

    private static void ResizeRoot(Database database, Digest root)
    {
        // An artifact has no chains: what it takes are the blobs below its manifest.
        using Statement update = database.Use("""
            UPDATE roots SET size = CASE
              WHEN EXISTS(SELECT 1 FROM variants v JOIN manifests m ON m.digest = v.manifest WHERE v.root = ?1) THEN (
                SELECT coalesce(sum(bytes), 0) FROM (
                  SELECT max(coalesce(l.bytes, m.size)) AS bytes
                  FROM variants v JOIN manifest_layers m ON m.manifest = v.manifest LEFT JOIN layers l ON l.diff_id = m.diff_id
                  WHERE v.root = ?1 GROUP BY m.chain_id))
              ELSE (
                SELECT coalesce(sum(b.size), 0) FROM blobs b WHERE b.digest IN (
                  SELECT e.child FROM variants v JOIN edges e ON e.parent = v.manifest WHERE v.root = ?1)) END
            WHERE digest = ?1
            """);
        update.Bind(1, root).Run();
    }
}
