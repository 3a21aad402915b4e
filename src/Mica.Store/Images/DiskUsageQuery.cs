using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>Adds up what the images take. One pass over the layers of all images, joined here: it is faster than in SQL.</summary>
internal static class DiskUsageQuery
{
    // All that images which are in use need: they stay whole, with the variants that no container uses.
    private const string Needed = """
        WITH RECURSIVE needed(digest) AS (
          SELECT manifest FROM container_uses
          UNION SELECT v.root FROM variants v JOIN container_uses c ON c.manifest = v.manifest
          UNION SELECT e.child FROM edges e JOIN needed n ON e.parent = n.digest)
        SELECT (SELECT coalesce(sum(size), 0) FROM blobs WHERE digest IN needed)
          + (SELECT coalesce(sum(bytes), 0) FROM layers WHERE diff_id IN (
              SELECT diff_id FROM manifest_layers WHERE manifest IN needed))
        """;

    public static DiskUsage Run(Database database)
    {
        ImmutableArray<StoredImage> images = ImageQueries.List(database);
        List<Chain> chains = ReadChains(database, images);
        long[] shared = new long[images.Length];
        foreach (Chain chain in chains.Where(chain => chain.Images.Count > 1))
        {
            foreach (int image in chain.Images)
            {
                shared[image] += chain.Size;
            }
        }

        ImmutableArray<ImageUsage> usages = [.. images.Select((image, number) => new ImageUsage { Image = image, SharedSize = shared[number] })];
        long blobs = database.Scalar("SELECT coalesce(sum(size), 0) FROM blobs");
        long layers = database.Scalar("SELECT coalesce(sum(bytes), 0) FROM layers");
        return new DiskUsage
        {
            Images = usages,
            ActiveCount = images.Count(image => image.Containers > 0),
            // Artifacts have no chains.
            Size = chains.Sum(chain => chain.Size) + images.Where(image => image.Primary is null).Sum(image => image.Size),
            Reclaimable = usages.Where(usage => usage.Image.Containers == 0).Sum(usage => usage.UniqueSize),
            Freeable = blobs + layers - database.Scalar(Needed),
            Blobs = blobs,
            Layers = layers,
            Shared =
            [
                .. from chain in chains
                   where chain.Images.Count > 1
                   orderby chain.Size descending, chain.Id
                   select new SharedLayer(Digest.Parse(chain.Id), Digest.Parse(chain.DiffId), chain.Size,
                       [.. chain.Images.Select(image => images[image].Root.Digest)]),
            ],
        };
    }

    private static List<Chain> ReadChains(Database database, ImmutableArray<StoredImage> images)
    {
        ILookup<string, int> byManifest = images.SelectMany((image, number) => image.Variants
            .Where(variant => variant.IsPresent)
            .Select(variant => (Manifest: variant.Manifest.Digest.ToString(), Number: number)))
            .ToLookup(entry => entry.Manifest, entry => entry.Number, StringComparer.Ordinal);
        var unpacked = new Dictionary<string, long>(StringComparer.Ordinal);
        using (Statement rows = database.Use("SELECT diff_id, bytes FROM layers"))
        {
            while (rows.Step())
            {
                unpacked.Add(rows.Text(0), rows.Long(1));
            }
        }

        var chains = new Dictionary<string, Chain>(StringComparer.Ordinal);
        using (Statement rows = database.Use("SELECT manifest, chain_id, diff_id, size FROM manifest_layers"))
        {
            while (rows.Step())
            {
                string id = rows.Text(1);
                if (!chains.TryGetValue(id, out Chain? chain))
                {
                    string diffId = rows.Text(2);
                    chain = new Chain(id, diffId, unpacked.GetValueOrDefault(diffId, rows.Long(3)), []);
                    chains.Add(id, chain);
                }

                // A chain occurs once in an image, even if two variants have it.
                foreach (int image in byManifest[rows.Text(0)])
                {
                    chain.Images.Add(image);
                }
            }
        }

        return [.. chains.Values.Where(chain => chain.Images.Count > 0)];
    }

    private sealed record Chain(string Id, string DiffId, long Size, HashSet<int> Images);
}
