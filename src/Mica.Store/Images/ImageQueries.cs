using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>Reads images from the catalog: a fixed number of queries, however many images there are.</summary>
internal static class ImageQueries
{
    private const string Roots =
        "SELECT digest, media_type, document_size, primary_manifest, size, added, used, tagged, retained FROM roots";

    private const string Names = "SELECT target, name, moved FROM names";

    private const string Repositories = "SELECT digest, repository FROM repository_digests";

    private const string Variants = """
        SELECT v.root, v.manifest, v.media_type, v.size, v.platform, m.config, m.created, m.size, m.labels,
          EXISTS(SELECT 1 FROM blobs b WHERE b.digest = v.manifest) AND EXISTS(SELECT 1 FROM edges e WHERE e.parent = v.manifest)
            AND NOT EXISTS(SELECT 1 FROM edges e LEFT JOIN blobs b ON b.digest = e.child WHERE e.parent = v.manifest AND b.digest IS NULL)
        FROM variants v LEFT JOIN manifests m ON m.digest = v.manifest
        """;

    private const string Uses = "SELECT v.root, c.container FROM container_uses c JOIN variants v ON v.manifest = c.manifest";

    /// <summary>All images, newest first; of the same age, by ID.</summary>
    public static ImmutableArray<StoredImage> List(Database database) =>
        [.. Load(database, null).OrderByDescending(image => image.Created ?? DateTimeOffset.MinValue)
            .ThenBy(image => image.Root.Digest.ToString(), StringComparer.Ordinal)];

    /// <summary>The image with this root; null when there is none.</summary>
    public static StoredImage? Get(Database database, Digest root) => Load(database, root).FirstOrDefault();

    private static List<StoredImage> Load(Database database, Digest? root)
    {
        ILookup<string, StoredName> names = Group(database, Names, "target", root, "name",
            row => new StoredName(row.Text(1), row.Time(2)));
        ILookup<string, string> repositories = Group(database, Repositories, "digest", root, "repository", row => row.Text(1));
        ILookup<string, ImageVariant> variants = Group(database, Variants, "v.root", root, "v.root, v.position", Variant);
        ILookup<string, string> uses = Group(database, Uses, "v.root", root, "c.container", row => row.Text(1));

        var images = new List<StoredImage>();
        using Statement rows = Select(database, Roots, "digest", root, "digest");
        while (rows.Step())
        {
            string digest = rows.Text(0);
            string? primary = rows.TextOrNull(3);
            ImmutableArray<ImageVariant> own = [.. variants[digest]];
            images.Add(new StoredImage
            {
                Root = new Descriptor { Digest = rows.Digest(0), MediaType = rows.Text(1), Size = rows.Long(2) },
                Names = [.. names[digest]],
                Repositories = [.. repositories[digest]],
                Variants = own,
                Primary = primary is null ? null : own.FirstOrDefault(variant => variant.Manifest.Digest.ToString() == primary),
                Size = rows.Long(4),
                Added = rows.Time(5),
                Used = rows.Time(6),
                Tagged = rows.TimeOrNull(7),
                Retained = rows.TimeOrNull(8),
                Containers = uses[digest].Distinct().Count(),
            });
        }

        return images;
    }

    private static ImageVariant Variant(Statement row) => new()
    {
        Manifest = new Descriptor
        {
            Digest = row.Digest(1),
            MediaType = row.Text(2),
            Size = row.Long(3),
            Platform = ReadPlatform(row.TextOrNull(4)),
        },
        Id = row.DigestOrNull(5),
        Created = row.TimeOrNull(6),
        Size = row.LongOrNull(7) ?? 0,
        LabelText = row.TextOrNull(8),
        IsComplete = row.Bool(9),
    };

    private static Platform? ReadPlatform(string? text) => text?.Split('/') is [{ } os, { } architecture, .. { } rest]
        ? new Platform { Os = os, Architecture = architecture, Variant = rest is [{ } variant, ..] ? variant : null }
        : null;

    /// <summary>The rows by their first column.</summary>
    private static ILookup<string, T> Group<T>(
        Database database, string sql, string key, Digest? root, string order, Func<Statement, T> read)
    {
        var rows = new List<(string Key, T Value)>();
        using Statement statement = Select(database, sql, key, root, order);
        while (statement.Step())
        {
            rows.Add((statement.Text(0), read(statement)));
        }

        return rows.ToLookup(row => row.Key, row => row.Value, StringComparer.Ordinal);
    }

    private static Statement Select(Database database, string sql, string key, Digest? root, string order)
    {
        Statement statement = database.Use($"{sql}{(root is null ? "" : $" WHERE {key} = ?1")} ORDER BY {order}");
        return root is null ? statement : statement.Bind(1, root.Value);
    }
}
