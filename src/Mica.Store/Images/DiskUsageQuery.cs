using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>Adds up what the images take. One pass over the layers of all images.</summary>
internal static class DiskUsageQuery
{
    // A chain occurs once in an image, even if the image has one diffID twice, or the chain in two variants.
    private const string Chains = """
        SELECT v.root, m.chain_id, m.diff_id, max(coalesce(l.bytes, m.size))
        FROM variants v JOIN manifest_layers m ON m.manifest = v.manifest LEFT JOIN layers l ON l.diff_id = m.diff_id
        GROUP BY m.chain_id, v.root
        """;

    // What an image needs on the disk: its documents and blobs, and the layers of its variants.
    private const string Content = """
        SELECT r.digest, r.digest, 0 FROM roots r
        UNION SELECT v.root, v.manifest, 0 FROM variants v JOIN blobs b ON b.digest = v.manifest
        UNION SELECT v.root, e.child, 0 FROM variants v JOIN edges e ON e.parent = v.manifest
        UNION SELECT r.digest, e.child, 0 FROM roots r JOIN edges e ON e.parent = r.digest
        UNION SELECT v.root, m.diff_id, 1 FROM variants v JOIN manifest_layers m ON m.manifest = v.manifest
        """;

    public static DiskUsage Run(Database database)
    {
        ImmutableArray<StoredImage> images = ImageQueries.List(database);
        var shared = new Dictionary<Digest, long>();
        var sharedLayers = new List<SharedLayer>();
        long size = 0;
        foreach (ChainUse chain in ReadChains(database))
        {
            size += chain.Size;
            if (chain.Roots.Count > 1)
            {
                sharedLayers.Add(new SharedLayer(chain.ChainId, chain.DiffId, chain.Size, [.. chain.Roots]));
                foreach (Digest root in chain.Roots)
                {
                    shared[root] = shared.GetValueOrDefault(root) + chain.Size;
                }
            }
        }

        ImmutableArray<ImageUsage> usages =
            [.. images.Select(image => new ImageUsage { Image = image, SharedSize = shared.GetValueOrDefault(image.Root.Digest) })];
        return new DiskUsage
        {
            Images = usages,
            ActiveCount = images.Count(image => image.Containers > 0),
            // Artifacts have no chains.
            Size = size + images.Where(image => image.Primary is null).Sum(image => image.Size),
            Reclaimable = usages.Where(usage => usage.Image.Containers == 0).Sum(usage => usage.UniqueSize),
            Freeable = Freeable(database, images),
            Blobs = database.Scalar("SELECT coalesce(sum(size), 0) FROM blobs"),
            Layers = database.Scalar("SELECT coalesce(sum(bytes), 0) FROM layers"),
            Shared = [.. sharedLayers.OrderByDescending(layer => layer.Size).ThenBy(layer => layer.ChainId.ToString(), StringComparer.Ordinal)],
        };
    }

    private static List<ChainUse> ReadChains(Database database)
    {
        var chains = new List<ChainUse>();
        using Statement rows = database.Use(Chains);
        while (rows.Step())
        {
            // Rows of one chain follow each other.
            if (chains.Count == 0 || chains[^1].ChainId.ToString() != rows.Text(1))
            {
                chains.Add(new ChainUse(rows.Digest(1), rows.Digest(2), rows.Long(3), []));
            }

            chains[^1].Roots.Add(rows.Digest(0));
        }

        return chains;
    }

    /// <summary>Bytes of what only unused images need.</summary>
    private static long Freeable(Database database, ImmutableArray<StoredImage> images)
    {
        HashSet<string> used = [.. images.Where(image => image.Containers > 0).Select(image => image.Root.Digest.ToString())];
        var needed = new Dictionary<(string Digest, bool IsLayer), bool>();
        using (Statement rows = database.Use(Content))
        {
            while (rows.Step())
            {
                (string, bool) key = (rows.Text(1), rows.Bool(2));
                needed[key] = needed.GetValueOrDefault(key) || used.Contains(rows.Text(0));
            }
        }

        return Sum(database, "SELECT digest, size FROM blobs", isLayer: false, needed)
            + Sum(database, "SELECT diff_id, bytes FROM layers", isLayer: true, needed);
    }

    private static long Sum(Database database, string sql, bool isLayer, Dictionary<(string Digest, bool IsLayer), bool> needed)
    {
        long sum = 0;
        using Statement rows = database.Use(sql);
        while (rows.Step())
        {
            if (needed.TryGetValue((rows.Text(0), isLayer), out bool byUsed) && !byUsed)
            {
                sum += rows.Long(1);
            }
        }

        return sum;
    }

    private sealed record ChainUse(Digest ChainId, Digest DiffId, long Size, List<Digest> Roots);
}
