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
        if (options.Durable)
        {
            pending.Force(layout);
        }

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
}
