using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// Reads the whole store and tells what is wrong with it. Other processes may go on meanwhile: whatever looks wrong is looked
/// at again under its lock before it is told.
/// </summary>
internal sealed class StoreCheck(
    StoreLayout layout, Catalog catalog, ContentDisposal disposal, LayerRepair layers,
    StoreCheckOptions check, IProgress<ProgressEvent>? progress)
{
    private readonly Lock _gate = new();
    private readonly List<StoreFinding> _findings = [];
    private readonly HashSet<Digest> _damaged = [];
    private int _blobCount;
    private long _blobBytes;
    private int _layerCount;

    public async Task<StoreCheckReport> RunAsync(long lease, CancellationToken cancellationToken)
    {
        if (catalog.Examine() is { } damage)
        {
            Find(StoreFindingKind.CatalogDamaged, layout.Catalog, $"{damage}; 'mica store check --rebuild' makes a new one", isRepaired: false);
            return Report([]);
        }

        List<Descriptor> known = catalog.Read(Blobs);
        await Parallel.ForEachAsync(known, cancellationToken, CheckBlobAsync);
        CheckUnknownBlobs();
        foreach ((Digest diffId, long bytes) in catalog.Read(Layers))
        {
            await CheckLayerAsync(diffId, bytes, lease, cancellationToken);
        }

        CheckUnknownLayers();
        CheckNames();
        ImmutableArray<MissingContent> missing = catalog.Read(database => MissingContentQuery.Run(database, _damaged, ReadManifest));
        foreach (MissingContent content in missing)
        {
            _findings.Add(MissingContentQuery.Finding(content));
        }

        return Report(missing);
    }

    private StoreCheckReport Report(ImmutableArray<MissingContent> missing) => new()
    {
        Blobs = _blobCount,
        BlobBytes = _blobBytes,
        Layers = _layerCount,
        Findings = [.. _findings.OrderBy(finding => finding.Kind).ThenBy(finding => finding.Subject, StringComparer.Ordinal)],
        Missing = missing,
    };

    private void Find(StoreFindingKind kind, string subject, string message, bool isRepaired)
    {
        lock (_gate)
        {
            _findings.Add(new StoreFinding(kind, subject, message, isRepaired));
        }
    }

    private async ValueTask CheckBlobAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        string path = layout.Blob(blob.Digest);
        (StoreFindingKind Kind, string Message)? damage = BlobCheck.Examine(path, blob.Digest, blob.Size, cancellationToken);
        if (damage is not null)
        {
            using KeyLock held = await KeyLock.AcquireAsync(layout.BlobLock(blob.Digest), cancellationToken);
            if (!HasRow("SELECT 1 FROM blobs WHERE digest = ?1", blob.Digest))
            {
                return;
            }

            damage = BlobCheck.Examine(path, blob.Digest, blob.Size, cancellationToken);
            if (damage is not null && check.Repair)
            {
                catalog.Write(database => Delete(database, "DELETE FROM blobs WHERE digest = ?1", blob.Digest), durable: true);
                File.Delete(path);
            }
        }

        lock (_gate)
        {
            _blobCount++;
            _blobBytes += blob.Size;
            if (damage is { } found)
            {
                _damaged.Add(blob.Digest);
                _findings.Add(new StoreFinding(found.Kind, blob.Digest.ToString(), found.Message, check.Repair));
            }
        }

        progress?.Report(new BlobCompleted(blob));
    }

    private void CheckUnknownBlobs()
    {
        foreach ((_, Digest digest) in layout.ListBlobs())
        {
            if (!HasRow("SELECT 1 FROM blobs WHERE digest = ?1", digest))
            {
                bool removed = check.Repair && disposal.RemoveBlob(digest);
                Find(StoreFindingKind.BlobUnknown, digest.ToString(), "the catalog does not know this file", removed);
            }
        }
    }

    private async Task CheckLayerAsync(Digest diffId, long bytes, long lease, CancellationToken cancellationToken)
    {
        _layerCount++;
        StoreFindingKind kind = StoreFindingKind.LayerDamaged;
        string? damage = Examine();
        if (damage is null && check.Deep)
        {
            damage = await layers.CompareAsync(diffId, cancellationToken);
        }

        if (damage is null || !HasRow("SELECT 1 FROM layers WHERE diff_id = ?1", diffId))
        {
            return;
        }

        if (check.Repair)
        {
            await layers.ReplaceAsync(diffId, lease, cancellationToken);
        }

        Find(kind, diffId.ToString(), damage, check.Repair);

        string? Examine()
        {
            if (Directory.Exists(layout.Layer(diffId)))
            {
                return LayerCheck.Examine(layout.Layer(diffId), diffId, bytes);
            }

            kind = StoreFindingKind.LayerMissing;
            return "its directory is gone";
        }
    }

    private void CheckUnknownLayers()
    {
        foreach ((_, Digest diffId) in layout.ListLayers())
        {
            if (!HasRow("SELECT 1 FROM layers WHERE diff_id = ?1", diffId))
            {
                bool removed = check.Repair && disposal.TrashLayer(diffId);
                Find(StoreFindingKind.LayerUnknown, diffId.ToString(), "the catalog does not know this directory", removed);
            }
        }

        if (check.Repair)
        {
            disposal.EmptyTrash();
        }
    }

    private void CheckNames()
    {
        List<string> broken = catalog.Read(database =>
        {
            var names = new List<string>();
            using Statement rows = database.Use("SELECT name FROM names WHERE target NOT IN (SELECT digest FROM roots) ORDER BY name");
            while (rows.Step())
            {
                names.Add(rows.Text(0));
            }

            return names;
        });
        broken.ForEach(name => Find(StoreFindingKind.NameBroken, name, "it stands for nothing", isRepaired: false));
    }

    private ImageManifest? ReadManifest(Descriptor manifest)
    {
        try
        {
            byte[] content = File.ReadAllBytes(layout.Blob(manifest.Digest));
            return Digest.Of(content) == manifest.Digest || manifest.Digest.Algorithm != Digest.Sha256
                ? ImageManifest.Parse(content, manifest.MediaType) : null;
        }
        catch (Exception failure) when (failure is IOException or MicaException)
        {
            return null;
        }
    }

    private bool HasRow(string sql, Digest digest) => catalog.Read(database =>
    {
        using Statement row = database.Use(sql);
        return row.Bind(1, digest).Step();
    });

    private static void Delete(Database database, string sql, Digest digest)
    {
        using Statement delete = database.Use(sql);
        delete.Bind(1, digest).Run();
    }

    private static List<Descriptor> Blobs(Database database)
    {
        var blobs = new List<Descriptor>();
        using Statement rows = database.Use("SELECT digest, media_type, size FROM blobs ORDER BY digest");
        while (rows.Step())
        {
            blobs.Add(new Descriptor { Digest = rows.Digest(0), MediaType = rows.Text(1), Size = rows.Long(2) });
        }

        return blobs;
    }

    private static List<(Digest DiffId, long Bytes)> Layers(Database database)
    {
        var layers = new List<(Digest DiffId, long Bytes)>();
        using Statement rows = database.Use("SELECT diff_id, bytes FROM layers ORDER BY diff_id");
        while (rows.Step())
        {
            layers.Add((rows.Digest(0), rows.Long(1)));
        }

        return layers;
    }
}
