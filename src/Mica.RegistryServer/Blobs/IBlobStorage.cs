using System.IO.Pipelines;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Blobs;

/// <summary>
/// Where the bytes of blobs are. A key begins with the id of the upload that it came of, so two blobs never share one: what is
/// being removed and what is being written cannot be the same. Whether a key is visible to anybody is the metadata's business;
/// the storage keeps what it is told to keep.
/// </summary>
internal interface IBlobStorage
{
    /// <summary>
    /// Puts <paramref name="content"/> behind the first <see cref="Upload.Size"/> bytes of the upload, dropping what a request
    /// that failed may have left behind them; tells the upload as it is then. What <paramref name="upload"/> says stays true
    /// until the answer is written down, and if it never is.
    /// </summary>
    /// <param name="upload">The upload as it is written down.</param>
    /// <param name="content">The bytes; not owned.</param>
    /// <param name="isLast">Nothing is to come behind them.</param>
    /// <param name="cancellationToken">Ends the copy.</param>
    Task<Upload> AppendAsync(Upload upload, Stream content, bool isLast, CancellationToken cancellationToken);

    /// <summary>
    /// Takes the file at <paramref name="path"/> for all bytes of an upload that has none yet, without copying them; false
    /// where that cannot be done, and the file is as before.
    /// </summary>
    bool TryAdopt(Upload upload, string path) => false;

    /// <summary>Removes what an append has left that another one was faster than.</summary>
    Task DiscardAsync(Upload before, Upload after, CancellationToken cancellationToken);

    /// <summary>
    /// Makes the upload's bytes readable, and safe from a loss of power, before it returns; tells the key. May be repeated.
    /// </summary>
    Task<string> CompleteAsync(Upload upload, CancellationToken cancellationToken);

    /// <summary>Removes what an upload has left that was not completed; there may be nothing.</summary>
    Task AbandonAsync(Upload upload, CancellationToken cancellationToken);

    /// <summary>Removes what uploads have left that <see cref="ListAsync"/> does not show and whose id is not alive any more.</summary>
    Task<int> RemoveUnfinishedAsync(Func<string, Task<bool>> isAlive, CancellationToken cancellationToken);

    /// <summary>Reads <paramref name="length"/> bytes from <paramref name="offset"/>. The caller disposes the stream.</summary>
    /// <exception cref="Oci.MicaException"><see cref="Oci.ErrorKind.NotFound"/>: the bytes are not there.</exception>
    Task<Stream> OpenAsync(string key, long offset, long length, CancellationToken cancellationToken);

    /// <summary>Writes <paramref name="length"/> bytes from <paramref name="offset"/> to <paramref name="target"/>.</summary>
    Task SendAsync(string key, long offset, long length, PipeWriter target, CancellationToken cancellationToken);

    /// <summary>Where a client may fetch the bytes itself for some time; null when they come from here.</summary>
    ValueTask<Uri?> RedirectAsync(string key, long size);

    /// <summary>Removes a blob's bytes; there may be none.</summary>
    Task RemoveAsync(string key, CancellationToken cancellationToken);

    /// <summary>
    /// All keys that have bytes, with the time of their last change, in no order. A key that is older than the lease of an
    /// upload and that no blob has is nobody's; a younger one may be part of an upload.
    /// </summary>
    IAsyncEnumerable<(string Key, DateTimeOffset Changed)> ListAsync(CancellationToken cancellationToken);

    /// <summary>Asks the storage for something small; it fails when the storage would not serve now.</summary>
    /// <exception cref="Oci.MicaException">Why it would not.</exception>
    Task ProbeAsync(CancellationToken cancellationToken);
}
