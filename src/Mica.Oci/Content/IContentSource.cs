namespace Mica.Oci;

/// <summary>
/// A place that content comes from: a registry's repository, the local store, an OCI layout, an archive, memory. Names
/// resolve to descriptors; descriptors open to bytes. Implementations are safe for concurrent use.
/// </summary>
public interface IContentSource
{
    /// <summary>
    /// The descriptor that <paramref name="reference"/> names: a tag or a digest within this source. Null when nothing has
    /// that name. The media type is the document's own; the size is exact.
    /// </summary>
    ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken);

    /// <summary>
    /// Opens the content. Reading ends with <see cref="DigestMismatchException"/> (or <see cref="MicaException"/> of kind
    /// <see cref="ErrorKind.ContentMismatch"/> when the size is wrong) rather than with end-of-stream when the bytes are not
    /// those of <paramref name="descriptor"/>. The caller disposes the stream.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: there is no such content here.</exception>
    ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken);
}

/// <summary>
/// A source that can start in the middle, so that an interrupted transfer goes on where it stopped, and whose bytes the
/// reader verifies itself, so that they are hashed once.
/// </summary>
public interface IResumableSource : IContentSource
{
    /// <summary>
    /// Opens the content at <paramref name="offset"/> (0 to size) <b>without verifying it</b>: the caller hashes the bytes
    /// and compares. The stream delivers at most <c>Size - offset</c> bytes, and fewer only by throwing.
    /// </summary>
    ValueTask<Stream> OpenUnverifiedAsync(Descriptor descriptor, long offset, CancellationToken cancellationToken);
}

/// <summary>
/// A place that content goes to. Content is written children first: a manifest is written after what it refers to.
/// </summary>
public interface IContentTarget : IContentSource
{
    /// <summary>Whether a write of <paramref name="descriptor"/> would have nothing to do.</summary>
    ValueTask<bool> ExistsAsync(Descriptor descriptor, CancellationToken cancellationToken);

    /// <summary>
    /// Stores the bytes of <paramref name="content"/>, verified against <paramref name="expected"/>. Idempotent: returns when
    /// the content is there, whoever wrote it. Nothing is visible until it is whole, and then it survives a crash. The caller
    /// keeps ownership of the stream.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: wrong bytes, too few or too many.</exception>
    ValueTask WriteAsync(Descriptor expected, Stream content, CancellationToken cancellationToken);

    /// <summary>Makes <paramref name="tag"/> name <paramref name="descriptor"/>, atomically, whatever it named before.</summary>
    ValueTask TagAsync(Descriptor descriptor, string tag, CancellationToken cancellationToken);
}

/// <summary>A target that can take a blob from another repository of its own without a transfer (distribution-spec, end-11).</summary>
public interface IMountingTarget : IContentTarget
{
    /// <summary>
    /// Tries to make the blob appear here from <paramref name="sourceRepository"/> (such as <c>library/debian</c>) of the same
    /// registry. False when the registry would rather have it uploaded.
    /// </summary>
    ValueTask<bool> TryMountAsync(Descriptor descriptor, string sourceRepository, CancellationToken cancellationToken);
}
