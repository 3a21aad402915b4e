using System.IO.Pipelines;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Blobs;

/// <summary>
/// Where the bytes of blobs are. An upload's id is also the key of what comes of it, so bytes never move and two blobs never
/// share a key: what is being removed and what is being written cannot be the same. Whether a key is visible to anybody is
/// the metadata's business; the storage keeps what it is told to keep.
/// </summary>
internal interface IBlobStorage
{
    /// <summary>
    /// Puts <paramref name="content"/> behind the first <see cref="Upload.Size"/> bytes of the upload, dropping what a request
    /// that failed may have left behind them; tells the upload as it is then.
    /// </summary>
    Task<Upload> AppendAsync(Upload upload, Stream content, CancellationToken cancellationToken);

    /// <summary>
    /// Takes the file at <paramref name="path"/> for all bytes of an upload that has none yet, without copying them; false
    /// where that cannot be done, and the file is as before.
    /// </summary>
    bool TryAdopt(Upload upload, string path) => false;

    /// <summary>Makes the upload's bytes readable under its id, and safe from a loss of power, before it returns. May be repeated.</summary>
    Task CompleteAsync(Upload upload, CancellationToken cancellationToken);

    /// <summary>Removes what an upload has left; there may be nothing.</summary>
    Task AbandonAsync(Upload upload, CancellationToken cancellationToken);

    /// <summary>Reads <paramref name="length"/> bytes from <paramref name="offset"/>. The caller disposes the stream.</summary>
    /// <exception cref="Oci.MicaException"><see cref="Oci.ErrorKind.NotFound"/>: the bytes are not there.</exception>
    Task<Stream> OpenAsync(string key, long offset, long length, CancellationToken cancellationToken);

    /// <summary>Writes <paramref name="length"/> bytes from <paramref name="offset"/> to <paramref name="target"/>.</summary>
    Task SendAsync(string key, long offset, long length, PipeWriter target, CancellationToken cancellationToken);

    /// <summary>Removes a blob's bytes; there may be none.</summary>
    Task RemoveAsync(string key, CancellationToken cancellationToken);

    /// <summary>All keys that have bytes, with the time of their last change, in no order.</summary>
    IAsyncEnumerable<(string Key, DateTimeOffset Changed)> ListAsync(CancellationToken cancellationToken);
}
