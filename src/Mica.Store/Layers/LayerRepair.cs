using Mica.Layers;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>Compares unpacked layers with their blobs, and makes them anew from those.</summary>
internal sealed class LayerRepair(StoreLayout layout, Catalog catalog, BlobStore blobs, ContentDisposal disposal, LayerFetch fetch, StoreOptions options)
{
    /// <summary>The first difference between the layer's tree and what its blob unpacks to; null when there is none, or no blob.</summary>
    public async Task<string?> CompareAsync(Digest diffId, CancellationToken cancellationToken)
    {
        if (FindBlob(diffId) is not { } blob)
        {
            return null;
        }

        using KeyLock held = await KeyLock.AcquireAsync(layout.BlobLock(blob.Digest), cancellationToken);
        string staging = layout.Unpack(blob.Digest);
        disposal.MoveToTrash(staging);
        try
        {
            Directory.CreateDirectory(Path.Join(staging, "fs"));
            await using var content = new VerifyingStream(blobs.Open(blob, 0), blob);
            using (var target = DirectoryHandle.Open(Path.Join(staging, "fs")))
            {
                await LayerUnpacker.UnpackAsync(content, target, options.LayerOptions, UnpackThreads.Two, null, cancellationToken);
            }

            return new TreeComparison(cancellationToken).Compare(Path.Join(staging, "fs"), layout.LayerTree(diffId));
        }
        catch (MicaException failure) when (failure.Kind == ErrorKind.ContentMismatch)
        {
            // The blob is damaged, which is told already; the tree cannot be compared with anything.
            return null;
        }
        finally
        {
            disposal.MoveToTrash(staging);
            disposal.EmptyTrash();
        }
    }

    /// <summary>Removes the damaged tree, and unpacks it again when there is a blob; without one it is unpacked when that comes.</summary>
    public async Task ReplaceAsync(Digest diffId, long lease, CancellationToken cancellationToken)
    {
        using (await KeyLock.AcquireAsync(layout.LayerLock(diffId), cancellationToken))
        {
            catalog.Write(database => LayerRows.Remove(database, diffId), durable: true);
            disposal.MoveToTrash(layout.Layer(diffId));
        }

        if (FindBlob(diffId) is { } blob)
        {
            await fetch.FetchAsync(blobs, blob, diffId, progress: null, lease, cancellationToken);
        }
    }

    private Descriptor? FindBlob(Digest diffId) => catalog.Read(database =>
    {
        using Statement row = database.Use("""
            SELECT b.digest, b.media_type, b.size FROM blobs b WHERE b.digest IN (
              SELECT blob FROM manifest_layers WHERE diff_id = ?1 UNION SELECT blob FROM layers WHERE diff_id = ?1) LIMIT 1
            """);
        return row.Bind(1, diffId).Step()
            ? new Descriptor { Digest = row.Digest(0), MediaType = row.Text(1), Size = row.Long(2) }
            : null;
    });
}
