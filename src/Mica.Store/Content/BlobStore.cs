using System.Buffers;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// The blobs of a store. A blob is written to <c>ingest/partial</c> under its lock, checked, renamed to <c>blobs/</c>, and
/// then gets its row: what has a row of this boot, or of none, is whole.
/// </summary>
internal sealed class BlobStore(StoreLayout layout, Catalog catalog, StoreOptions options) : IContentSource
{
    private const int BufferSize = 128 << 10;

    /// <summary>Opens the bytes at <paramref name="offset"/>, unverified.</summary>
    public Stream Open(Descriptor descriptor, long offset)
    {
        try
        {
            var file = new FileStream(layout.Blob(descriptor.Digest), new FileStreamOptions
            {
                Access = FileAccess.Read,
                Share = FileShare.ReadWrite | FileShare.Delete,
                BufferSize = 0,
                Options = FileOptions.SequentialScan,
            });
            file.Position = offset;
            return file;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new MicaException(ErrorKind.NotFound, $"{descriptor.Digest}: not found in {layout.Root}", failure);
        }
    }

    /// <summary>Whether the blob is here; nobody is kept from deleting it.</summary>
    public bool Exists(Digest digest) => catalog.Read(database =>
    {
        using Statement row = database.Use("SELECT 1 FROM blobs WHERE digest = ?1 AND (pending IS NULL OR pending = ?2)");
        return row.Bind(1, digest).Bind(2, ProcessIdentity.CurrentBootId).Step();
    });

    public ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(catalog.Read(database => ImageLookup.Resolve(database, reference)));
    }

    /// <summary>Opens the blob, verified: what leaves the store is what its digest says.</summary>
    public ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<Stream>(new VerifyingStream(Open(descriptor, 0), descriptor));
    }

    /// <summary>
    /// The bytes of a document to be shown. They were verified when they came in; hashing them again would only load the
    /// cryptography library, which takes longer than all the rest of such a command.
    /// </summary>
    public async Task<byte[]> ReadOwnDocumentAsync(Descriptor document, CancellationToken cancellationToken)
    {
        await using Stream file = Open(document, 0);
        byte[] content = new byte[document.Size];
        int count = await file.ReadAtLeastAsync(content, content.Length, throwOnEndOfStream: false, cancellationToken);
        return count == content.Length && file.Length == document.Size
            ? content
            : throw new MicaException(ErrorKind.ContentMismatch, $"content of {document.Digest} is damaged: it does not have {document.Size} bytes");
    }

    /// <summary>Whether the blob is here; <paramref name="lease"/> holds it then.</summary>
    public bool Hold(Digest digest, long lease) => File.Exists(layout.Blob(digest)) && catalog.Write(database =>
    {
        using Statement row = database.Use("SELECT 1 FROM blobs WHERE digest = ?1 AND (pending IS NULL OR pending = ?2)");
        if (!row.Bind(1, digest).Bind(2, ProcessIdentity.CurrentBootId).Step())
        {
            return false;
        }

        Leases.Hold(database, lease, digest);
        return true;
    });

    /// <summary>Takes the bytes of <paramref name="content"/> in, unless the blob is here; <paramref name="lease"/> holds it then.</summary>
    public async Task WriteAsync(Descriptor expected, Stream content, long lease, CancellationToken cancellationToken)
    {
        if (Hold(expected.Digest, lease))
        {
            return;
        }

        using PartialBlob partial = await PartialBlob.AcquireAsync(layout, expected.Digest, cancellationToken);
        if (Hold(expected.Digest, lease))
        {
            partial.Discard();
            return;
        }

        try
        {
            partial.Open();
            partial.Restart();
            await CopyAsync(expected, content, partial, cancellationToken);
        }
        catch
        {
            partial.Discard();
            throw;
        }

        options.Failpoint?.Invoke("blob written");
        partial.Publish();
        options.Failpoint?.Invoke("blob renamed");
        catalog.Write(database => Record(database, expected, lease));
    }

    /// <summary>The row of a blob that has just come to stand in <c>blobs/</c>.</summary>
    public void Record(Database database, Descriptor blob, long lease)
    {
        DateTimeOffset now = options.Time.GetUtcNow();
        using Statement insert = database.Use("""
            INSERT INTO blobs(digest, size, media_type, created, used, pending) VALUES(?1, ?2, ?3, ?4, ?4, ?5)
            ON CONFLICT(digest) DO UPDATE SET size = ?2, pending = ?5
            """);
        insert.Bind(1, blob.Digest).Bind(2, blob.Size).Bind(3, blob.MediaType).Bind(4, now).Bind(5, ProcessIdentity.CurrentBootId).Run();
        Leases.Hold(database, lease, blob.Digest);
    }

    private static async Task CopyAsync(Descriptor expected, Stream content, PartialBlob partial, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            await using var verified = new VerifyingStream(new BorrowedStream(content), expected);
            int count;
            while ((count = await verified.ReadAsync(buffer, cancellationToken)) > 0)
            {
                partial.Append(buffer.AsSpan(0, count));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
