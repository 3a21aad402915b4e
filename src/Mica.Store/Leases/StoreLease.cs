using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// One operation's hold on content: whatever it wrote, found or named through this object stays in the store until the lease
/// is disposed, or its process dies. Every operation that brings content in, or uses it for longer than a query, does so
/// through a lease. Safe for concurrent use.
/// </summary>
public sealed class StoreLease : IContentTarget, IResumableSource, IAsyncDisposable
{
    private readonly ImageStore _store;
    private int _disposed;

    internal StoreLease(ImageStore store, long id)
    {
        _store = store;
        Id = id;
    }

    internal long Id { get; }

    /// <summary>Holds a document with all below it, a blob, or the unpacked layer of a diffID.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: it is not in the store.</exception>
    public Task HoldAsync(Digest digest, CancellationToken cancellationToken) => _store.WriteAsync(database =>
    {
        using Statement row = database.Use("SELECT 1 FROM blobs WHERE digest = ?1 UNION ALL SELECT 1 FROM layers WHERE diff_id = ?1");
        if (!row.Bind(1, digest).Step())
        {
            throw new MicaException(ErrorKind.NotFound, $"{digest}: not found in {_store.Root}");
        }

        Leases.Hold(database, Id, digest);
        return true;
    }, cancellationToken, durable: false); // a lease ends with its process anyway

    /// <inheritdoc/>
    public ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken) =>
        _store.ResolveAsync(reference, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        _store.OpenAsync(descriptor, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<Stream> OpenUnverifiedAsync(Descriptor descriptor, long offset, CancellationToken cancellationToken) =>
        _store.OpenUnverifiedAsync(descriptor, offset, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> ExistsAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        _store.ExistsAsync(descriptor, Id, cancellationToken);

    /// <inheritdoc/>
    public ValueTask WriteAsync(Descriptor expected, Stream content, CancellationToken cancellationToken) =>
        new(_store.Blobs.WriteAsync(expected, content, Id, cancellationToken));

    /// <summary>
    /// Brings a layer in and unpacks it, in one streaming pass; what is there already is not done again. A transfer that was
    /// interrupted, even by a kill, goes on where it stopped if the source is an <see cref="IResumableSource"/>. Reports
    /// <see cref="BlobTransferred"/>, <see cref="LayerUnpacking"/>, <see cref="BlobCompleted"/> and
    /// <see cref="LayerUnpacked"/>, or <see cref="BlobExisted"/>. With the store or a lease as the source, a layer whose blob
    /// is here is unpacked.
    /// </summary>
    /// <param name="source">Where the layer comes from.</param>
    /// <param name="layer">The compressed layer.</param>
    /// <param name="expectedDiffId">What it must unpack to, as the config says; null: whatever it is.</param>
    /// <param name="progress">Is told.</param>
    /// <param name="cancellationToken">Stops; what has come is kept for the next try.</param>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.ContentMismatch"/>: the bytes are not those of <paramref name="layer"/>, or do not unpack to
    /// <paramref name="expectedDiffId"/>, or are no layer. Nothing of it is in the store then.
    /// </exception>
    public Task<FetchedLayer> FetchLayerAsync(
        IContentSource source, Descriptor layer, Digest? expectedDiffId, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken) =>
        _store.Layers.FetchAsync(source, layer, expectedDiffId, progress, Id, cancellationToken);

    /// <summary>
    /// Makes <paramref name="tag"/>, a name such as <c>debian:trixie</c>, stand for the manifest or index; the same as
    /// <see cref="CommitImageAsync"/> with the cause <c>tag</c>.
    /// </summary>
    public async ValueTask TagAsync(Descriptor descriptor, string tag, CancellationToken cancellationToken) =>
        await CommitImageAsync(descriptor, ImageReference.Parse(tag), "tag", cancellationToken);

    /// <summary>
    /// Makes the content below <paramref name="root"/> an image of the store, and <paramref name="name"/> stand for it:
    /// with a tag (<c>latest</c> when it says nothing), the name moves, which its journal tells; with a digest, the root is
    /// known by it in the name's repository; null, the image has no name yet. All of it is one atomic, durable change. The
    /// variants of an index whose content is all here are present, the others absent; repeating the commit after more came
    /// adds them.
    /// </summary>
    /// <param name="root">A manifest or an index that was written.</param>
    /// <param name="name">What shall stand for it.</param>
    /// <param name="cause">A word for the journal: <c>pull</c>, <c>load</c>, <c>build</c>, ….</param>
    /// <param name="cancellationToken">Cancels while nothing has been changed.</param>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: a manifest lacks its config or a layer.</exception>
    public Task<NameMove?> CommitImageAsync(
        Descriptor root, ImageReference? name, string cause, CancellationToken cancellationToken) =>
        _store.Commits.CommitAsync(root, name, cause, Id, cancellationToken);

    /// <summary>Ends the lease. Content that came in for images that were there before is on the disk then.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            await Task.Run(_store.Commits.Settle);
            _store.Leases.End(Id);
        }
    }
}
