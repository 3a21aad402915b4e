using Mica.Layers;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// Brings layers into the store, in one streaming pass: source, partial file and digest, decompression, diffID, tree. What is
/// there already is not done again: a blob whose tree is missing is unpacked from the store, a second compressed form of a
/// tree that is there is only checked.
/// <para>
/// The lock of the blob is held throughout, and the lock of the diffID from when it is known; always in this order. So two
/// processes that need the same layer do the work once, and the second waits.
/// </para>
/// </summary>
internal sealed class LayerFetch(StoreLayout layout, Catalog catalog, BlobStore blobs, ContentDisposal disposal, StoreOptions options)
{
    private readonly WriteBehind? _writeBehind = options.Durable ? new WriteBehind(layout.Root) : null;
    private int _active;

    public async Task<FetchedLayer> FetchAsync(
        IContentSource source, Descriptor layer, Digest? expectedDiffId, IProgress<ProgressEvent>? progress, long lease,
        CancellationToken cancellationToken)
    {
        if (expectedDiffId is { Algorithm: not Digest.Sha256 })
        {
            throw new MicaException(ErrorKind.Unsupported, $"layer {layer.Digest}: its diffID is of type {expectedDiffId.Value.Algorithm}, not sha256");
        }

        if (Find(layer, expectedDiffId, lease, progress) is { } found)
        {
            return found;
        }

        using PartialBlob partial = await PartialBlob.AcquireAsync(layout, layer.Digest, cancellationToken);
        using KeyLock? held = expectedDiffId is { } diffId ? await KeyLock.AcquireAsync(layout.LayerLock(diffId), cancellationToken) : null;
        // Whoever had the locks may have done it all.
        if (Find(layer, expectedDiffId, lease, progress) is { } foundNow)
        {
            return foundNow;
        }

        int active = Interlocked.Increment(ref _active);
        _writeBehind?.Enter();
        try
        {
            // Layers beside each other keep the processors busy; one alone needs two threads for that.
            UnpackThreads threads = active < Environment.ProcessorCount ? UnpackThreads.Two : UnpackThreads.One;
            var work = new LayerIngest(layout, catalog, blobs, disposal, options, layer, expectedDiffId, partial, threads, progress, lease);
            FetchedLayer fetched = await work.RunAsync(source, cancellationToken);
            StoreErrors.Guard(layout.Root, () => _writeBehind?.ThrowIfFailed());
            return fetched;
        }
        finally
        {
            _writeBehind?.Leave();
            Interlocked.Decrement(ref _active);
        }
    }

    /// <summary>The layer if blob and tree are here.</summary>
    private FetchedLayer? Find(Descriptor layer, Digest? expectedDiffId, long lease, IProgress<ProgressEvent>? progress)
    {
        Digest? diffId = expectedDiffId ?? catalog.Read(database =>
        {
            using Statement row = database.Use("SELECT diff_id FROM layers WHERE blob = ?1 UNION SELECT diff_id FROM manifest_layers WHERE blob = ?1");
            return row.Bind(1, layer.Digest).Step() ? row.Digest(0) : (Digest?)null;
        });
        if (diffId is not { } known || !LayerRows.Hold(layout, catalog, known, lease) || !blobs.Hold(layer.Digest, lease))
        {
            return null;
        }

        progress?.Report(new BlobExisted(layer));
        return new FetchedLayer(layer, known, Existed: true);
    }
}
