using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>Reads one variant of an image in full, from the catalog and its documents.</summary>
internal static class ImageInspection
{
    public static async Task<ImageDetails> InspectAsync(
        StoreLayout layout, Catalog catalog, BlobStore blobs, string text, Platform? platform, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        (StoredImage image, ImageVariant variant, ImmutableArray<StoredImage> all, ImmutableArray<ImageLayer> layers) = catalog.Read(database =>
        {
            ImageMatch match = ImageLookup.Get(database, text);
            ImmutableArray<StoredImage> found = [.. match.Roots.Select(root => ImageQueries.Get(database, root)!)];
            ImageVariant chosen = Choose(found[0], match, platform, text);
            ImmutableArray<StoredImage> same = match.Id is null
                ? [.. ImageLookup.Find(database, chosen.Id!.Value.ToString())!.Roots.Select(root => ImageQueries.Get(database, root)!)]
                : found;
            return (found[0], chosen, same, Layers(database, layout, chosen.Manifest.Digest));
        });

        var manifest = ImageManifest.Parse(await blobs.ReadOwnDocumentAsync(variant.Manifest, cancellationToken), variant.Manifest.MediaType);
        return new ImageDetails
        {
            Image = image,
            Variant = variant,
            Names = [.. all.SelectMany(other => other.Names).OrderBy(name => name.Name, StringComparer.Ordinal)],
            RepositoryDigests = [.. all.SelectMany(other => other.Repositories.Select(repository => $"{repository}@{other.Root.Digest}"))
                .Order(StringComparer.Ordinal)],
            Manifest = manifest,
            Config = ImageConfig.Parse(await blobs.ReadOwnDocumentAsync(manifest.Config, cancellationToken)),
            Layers = layers,
        };
    }

    private static ImageVariant Choose(StoredImage image, ImageMatch match, Platform? platform, string text)
    {
        ImageVariant[] present = [.. image.Variants.Where(variant => variant.IsPresent && (match.Id is null || variant.Id == match.Id))];
        ImageVariant? chosen = platform is null
            ? present.FirstOrDefault(variant => variant.Manifest.Digest == image.Primary?.Manifest.Digest) ?? present.FirstOrDefault()
            : present.Where(variant => variant.Manifest.Platform is { } own && platform.Rank(own) > 0)
                .MaxBy(variant => platform.Rank(variant.Manifest.Platform!));
        if (chosen is not null)
        {
            return chosen;
        }

        throw platform is not null
            ? new MicaException(ErrorKind.NotFound,
                $"image with reference {Printable.Of(text)} was found but does not provide the specified platform ({platform})")
            : new MicaException(ErrorKind.Unsupported, $"{Printable.Of(text)} is an artifact or an empty index, not an image");
    }

    private static ImmutableArray<ImageLayer> Layers(Database database, StoreLayout layout, Digest manifest)
    {
        var layers = ImmutableArray.CreateBuilder<ImageLayer>();
        using Statement rows = database.Use("""
            SELECT m.blob, m.media_type, m.size, m.diff_id, m.chain_id, l.bytes, l.hides_lower
            FROM manifest_layers m LEFT JOIN layers l ON l.diff_id = m.diff_id WHERE m.manifest = ?1 ORDER BY m.position
            """);
        rows.Bind(1, manifest);
        while (rows.Step())
        {
            Digest diffId = rows.Digest(3);
            bool unpacked = !rows.IsNull(5);
            layers.Add(new ImageLayer
            {
                Blob = new Descriptor { Digest = rows.Digest(0), MediaType = rows.Text(1), Size = rows.Long(2) },
                DiffId = diffId,
                ChainId = rows.Digest(4),
                UnpackedSize = rows.LongOrNull(5),
                Directory = unpacked ? layout.LayerTree(diffId) : null,
                HidesLowerLayers = rows.Bool(6),
                SharedWith = SharedWith(database, diffId, manifest),
            });
        }

        return layers.ToImmutable();
    }

    private static ImmutableArray<Digest> SharedWith(Database database, Digest diffId, Digest manifest)
    {
        var roots = ImmutableArray.CreateBuilder<Digest>();
        using Statement rows = database.Use("""
            SELECT DISTINCT v.root FROM manifest_layers m JOIN variants v ON v.manifest = m.manifest
            WHERE m.diff_id = ?1 AND v.root NOT IN (SELECT root FROM variants WHERE manifest = ?2) ORDER BY v.root
            """);
        rows.Bind(1, diffId).Bind(2, manifest);
        while (rows.Step())
        {
            roots.Add(rows.Digest(0));
        }

        return roots.ToImmutable();
    }
}
