using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>Finds what images need and the store has not.</summary>
internal static class MissingContentQuery
{
    private const string Documents = """
        SELECT r.digest, r.media_type, r.document_size, r.digest FROM roots r
        UNION SELECT v.manifest, v.media_type, v.size, v.root FROM variants v JOIN manifests m ON m.digest = v.manifest
        """;

    private const string Layers = """
        SELECT m.blob, m.media_type, m.size, v.root, m.diff_id
        FROM variants v JOIN manifest_layers m ON m.manifest = v.manifest
        """;

    // The size of a config is in its manifest only, which is read when a config is missing.
    private const string Configs = """
        SELECT m.config, v.manifest, v.media_type, v.size, v.root FROM variants v JOIN manifests m ON m.digest = v.manifest
        """;

    /// <summary>What is not in blobs/ according to the catalog, or is one of the <paramref name="damaged"/>.</summary>
    public static ImmutableArray<MissingContent> Run(Database database, HashSet<Digest> damaged, Func<Descriptor, ImageManifest?> readManifest)
    {
        HashSet<string> here = Column(database, "SELECT digest FROM blobs");
        here.ExceptWith(damaged.Select(digest => digest.ToString()));
        var missing = new Dictionary<string, (MissingContent Content, SortedSet<string> Roots)>();
        using (Statement rows = database.Use(Documents))
        {
            while (rows.Step())
            {
                if (!here.Contains(rows.Text(0)))
                {
                    Add(missing, new Descriptor { Digest = rows.Digest(0), MediaType = rows.Text(1), Size = rows.Long(2) }, null, rows.Text(3));
                }
            }
        }

        using (Statement rows = database.Use(Layers))
        {
            while (rows.Step())
            {
                if (!here.Contains(rows.Text(0)) && !MediaTypes.IsNondistributable(rows.Text(1)))
                {
                    Add(missing, new Descriptor { Digest = rows.Digest(0), MediaType = rows.Text(1), Size = rows.Long(2) },
                        rows.Digest(4), rows.Text(3));
                }
            }
        }

        using (Statement rows = database.Use(Configs))
        {
            while (rows.Step())
            {
                var manifest = new Descriptor { Digest = rows.Digest(1), MediaType = rows.Text(2), Size = rows.Long(3) };
                if (!here.Contains(rows.Text(0)) && here.Contains(rows.Text(1)) && readManifest(manifest) is { } document)
                {
                    Add(missing, document.Config, null, rows.Text(4));
                }
            }
        }

        return
        [
            .. missing.Values.OrderBy(entry => entry.Content.Descriptor.Digest.ToString(), StringComparer.Ordinal)
                .Select(entry => entry.Content with { Repositories = Repositories(database, entry.Roots) }),
        ];
    }

    public static StoreFinding Finding(MissingContent content) => new(StoreFindingKind.ImageIncomplete, content.Descriptor.Digest.ToString(),
        $"{Describe(content.Descriptor)} is missing{From(content.Repositories)}", IsRepaired: false);

    private static string Describe(Descriptor content) =>
        MediaTypes.IsLayer(content.MediaType) ? "a layer" : MediaTypes.IsConfig(content.MediaType) ? "a config"
        : MediaTypes.IsIndex(content.MediaType) ? "an index" : MediaTypes.IsManifest(content.MediaType) ? "a manifest" : "a blob";

    private static string From(ImmutableArray<string> repositories) =>
        repositories.IsEmpty ? "" : $", needed by images of {string.Join(", ", repositories.Take(4))}";

    private static void Add(
        Dictionary<string, (MissingContent Content, SortedSet<string> Roots)> missing, Descriptor descriptor, Digest? diffId, string root)
    {
        string key = descriptor.Digest.ToString();
        if (!missing.TryGetValue(key, out (MissingContent Content, SortedSet<string> Roots) entry))
        {
            entry = (new MissingContent(descriptor, diffId, []), new SortedSet<string>(StringComparer.Ordinal));
            missing.Add(key, entry);
        }

        entry.Roots.Add(root);
    }

    private static ImmutableArray<string> Repositories(Database database, IEnumerable<string> roots)
    {
        var repositories = new SortedSet<string>(StringComparer.Ordinal);
        foreach (string root in roots)
        {
            using Statement rows = database.Use("""
                SELECT repository FROM repository_digests WHERE digest = ?1 UNION SELECT repository FROM names WHERE target = ?1
                """);
            rows.Bind(1, root);
            while (rows.Step())
            {
                repositories.Add(rows.Text(0));
            }
        }

        return [.. repositories];
    }

    private static HashSet<string> Column(Database database, string sql)
    {
        var values = new HashSet<string>(StringComparer.Ordinal);
        using Statement rows = database.Use(sql);
        while (rows.Step())
        {
            values.Add(rows.Text(0));
        }

        return values;
    }
}
