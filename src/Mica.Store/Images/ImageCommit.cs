using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// Makes content an image: reads the documents below a root, forces what is new to the disk, and then, in one transaction,
/// records the image and moves the name.
/// </summary>
internal sealed class ImageCommit(StoreLayout layout, Catalog catalog, BlobStore blobs, StoreOptions options)
{
    public async Task<NameMove?> CommitAsync(
        Descriptor root, ImageReference? name, string cause, long lease, CancellationToken cancellationToken)
    {
        if (!MediaTypes.IsDocument(root.MediaType))
        {
            throw new MicaException(ErrorKind.InvalidArgument,
                $"{root.Digest} is of type {Printable.Of(root.MediaType)}, not a manifest or an index");
        }

        ImageGraph graph = await ImageGraph.ReadAsync(root, blobs, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        PendingContent pending = catalog.Read(PendingContent.Read);
        Force(pending);
        options.Failpoint?.Invoke("image synced");
        NameMove? move = catalog.Write(database =>
        {
            pending.Settle(database);
            ImageRows.Record(database, graph, options);
            Leases.Hold(database, lease, root.Digest);
            return name is null ? null : NameJournal.Assign(database, name, root.Digest, cause, options);
        }, durable: true);
        options.Failpoint?.Invoke("image committed");
        return move;
    }

    /// <summary>
    /// Forces what came in for images that were committed before: content that was fetched again, layers that were unpacked
    /// again. What no image needs yet is left for its own commit.
    /// </summary>
    public void Settle()
    {
        const string Needed = """
            SELECT 1 FROM blobs b WHERE b.pending IS NOT NULL AND (
              EXISTS(SELECT 1 FROM edges e WHERE e.child = b.digest) OR EXISTS(SELECT 1 FROM roots r WHERE r.digest = b.digest))
            UNION ALL
            SELECT 1 FROM layers l WHERE l.pending IS NOT NULL AND EXISTS(SELECT 1 FROM manifest_layers m WHERE m.diff_id = l.diff_id)
            """;
        PendingContent? pending = catalog.Read(database => database.Scalar(Needed) == 0 ? null : PendingContent.Read(database));
        if (pending is not null)
        {
            Force(pending);
            catalog.Write(pending.Settle, durable: true);
        }
    }

    private void Force(PendingContent pending)
    {
        if (options.Durable)
        {
            StoreErrors.Guard(layout.Root, () => pending.Force(layout));
        }
    }
}
