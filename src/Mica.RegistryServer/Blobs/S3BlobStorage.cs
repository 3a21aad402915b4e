using System.IO.Pipelines;
using Amazon.S3;
using Mica.Oci;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Blobs;

/// <summary>
/// Blobs as objects of a store that speaks S3, <c>PREFIX blobs/KEY</c>. A small blob is one object, written once. A larger one
/// is a multipart upload whose parts come straight from the request; its state is in the upload's row, so any replica can go
/// on with it. The entity tags in the row say which parts are meant: where two requests brought different bytes for the same
/// place, the store refuses to complete the upload rather than to mix them.
/// </summary>
internal sealed class S3BlobStorage : IBlobStorage, IDisposable
{
    private const int IdLength = 32;
    private const int PieceSize = 64 * 1024;

    /// <summary>The memory of all parts that are being filled or sent.</summary>
    private const long Memory = 256 << 20;

    private static readonly TimeSpan s_signed = TimeSpan.FromMinutes(20);

    private readonly S3Objects _objects;
    private readonly S3Options _options;
    private readonly PartSizes _sizes;
    private readonly PartMemory _memory;
    private readonly TimeSpan _slow;
    private readonly TimeProvider _time;

    /// <param name="options">The store.</param>
    /// <param name="maxBlobSize">The largest blob that is to come.</param>
    /// <param name="time">For addresses that expire.</param>
    /// <param name="patience">How long the store is waited for.</param>
    /// <param name="memory">For tests: the memory of parts.</param>
    /// <param name="slow">For tests: how long a client may take for a part that others want the memory of.</param>
    public S3BlobStorage(
        S3Options options, long maxBlobSize, TimeProvider time, S3Patience? patience = null, long memory = Memory, TimeSpan? slow = null)
    {
        _options = options;
        _time = time;
        _sizes = new PartSizes(maxBlobSize);
        _memory = new PartMemory(Math.Max(memory, _sizes.Largest));
        _slow = slow ?? TimeSpan.FromSeconds(3);
        _objects = new S3Objects(new S3Requests(S3Requests.CreateClient(options), options.Bucket, patience ?? new S3Patience()), options.Prefix + "blobs/");
    }

    /// <inheritdoc/>
    public async Task ProbeAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach ((string _, DateTimeOffset _) in _objects.ListAsync("0000000000000000", cancellationToken))
            {
                return;
            }
        }
        catch (AmazonS3Exception error)
        {
            throw new MicaException(ErrorKind.Unavailable, $"s3 bucket {_options.Bucket}: {Printable.Of(error.ErrorCode)}", error);
        }
    }

    public Task<Upload> AppendAsync(Upload upload, Stream content, bool isLast, CancellationToken cancellationToken) =>
        new S3Append(_objects, _memory, _sizes, _slow, upload, content).RunAsync(isLast, cancellationToken);

    public Task DiscardAsync(Upload before, Upload after, CancellationToken cancellationToken) =>
        S3Append.RemoveAsync(_objects, S3UploadState.Parse(before.State), S3UploadState.Parse(after.State));

    public async Task<string> CompleteAsync(Upload upload, CancellationToken cancellationToken)
    {
        var state = S3UploadState.Parse(upload.State);
        if (state.Multipart is not null)
        {
            await FinishAsync(upload, state, cancellationToken);
        }
        else if (state.Tail is null)
        {
            using PartBuffer nothing = await _memory.TakeAsync(0, 0, cancellationToken);
            await _objects.PutAsync(upload.Id, nothing, cancellationToken);
        }

        await TryRemoveAsync(state.Old);
        if (state.Multipart is null)
        {
            return state.Tail ?? upload.Id;
        }

        await TryRemoveAsync(state.Tail);
        return state.Key!;
    }

    public async Task AbandonAsync(Upload upload, CancellationToken cancellationToken)
    {
        await foreach ((string key, string multipart) in _objects.ListUnfinishedAsync(upload.Id, cancellationToken))
        {
            await _objects.AbortAsync(key, multipart, cancellationToken);
        }

        await foreach ((string key, _) in _objects.ListAsync(upload.Id, cancellationToken))
        {
            await _objects.DeleteAsync(key, cancellationToken);
        }
    }

    public async Task<int> RemoveUnfinishedAsync(Func<string, Task<bool>> isAlive, CancellationToken cancellationToken)
    {
        int removed = 0;
        await foreach ((string key, string multipart) in _objects.ListUnfinishedAsync("", cancellationToken))
        {
            if (key.Length >= IdLength && !await isAlive(key[..IdLength]))
            {
                await _objects.AbortAsync(key, multipart, cancellationToken);
                removed++;
            }
        }

        return removed;
    }

    public async Task<Stream> OpenAsync(string key, long offset, long length, CancellationToken cancellationToken) =>
        await _objects.OpenAsync(key, offset, length, cancellationToken);

    public async Task SendAsync(string key, long offset, long length, PipeWriter target, CancellationToken cancellationToken)
    {
        await using Stream stream = await _objects.OpenAsync(key, offset, length, cancellationToken);
        while (await stream.ReadAsync(target.GetMemory(PieceSize), cancellationToken) is var read and > 0)
        {
            target.Advance(read);
            FlushResult result = await target.FlushAsync(cancellationToken);
            if (result.IsCompleted || result.IsCanceled)
            {
                return;
            }
        }
    }

    public async ValueTask<Uri?> RedirectAsync(string key, long size) => _options.RedirectFrom is { } least && size >= least
        ? new Uri(await _objects.SignAsync(key, _time.GetUtcNow() + s_signed, _options.Endpoint?.Scheme == Uri.UriSchemeHttp))
        : null;

    public Task RemoveAsync(string key, CancellationToken cancellationToken) => _objects.DeleteAsync(key, cancellationToken);

    public IAsyncEnumerable<(string Key, DateTimeOffset Changed)> ListAsync(CancellationToken cancellationToken) =>
        _objects.ListAsync("", cancellationToken);

    public void Dispose() => _objects.Dispose();

    private async Task FinishAsync(Upload upload, S3UploadState state, CancellationToken cancellationToken)
    {
        try
        {
            if (state.Tail is { } tail)
            {
                using PartBuffer buffer = await _memory.TakeAsync(state.TailSize, state.TailSize, cancellationToken);
                await S3Append.LoadAsync(_objects, tail, state.TailSize, buffer, cancellationToken);
                string tag = await _objects.PutPartAsync(state.Key!, state.Multipart!, state.Parts.Length + 1, buffer, cancellationToken);
                state = state with { Parts = state.Parts.Add(tag) };
            }

            await _objects.FinishAsync(state.Key!, state.Multipart!, state.Parts, cancellationToken);
        }
        catch (AmazonS3Exception error) when (error.ErrorCode is "NoSuchUpload")
        {
            // It was completed before, or abandoned: the object tells.
        }
        catch (MicaException error) when (error.Kind is ErrorKind.NotFound)
        {
            // Who completed it has removed the tail.
        }
        catch (AmazonS3Exception error) when (error.ErrorCode is "InvalidPart" or "InvalidPartOrder" or "EntityTooSmall")
        {
            throw new RefusedException(
                ErrorCode.BlobUploadInvalid, "two requests brought different bytes for the same place; begin the upload anew");
        }

        // Some stores answer 200 before they know that it has failed.
        if (await _objects.SizeAsync(state.Key!, cancellationToken) != upload.Size)
        {
            throw new RefusedException(ErrorCode.BlobUploadInvalid, "the upload has been completed otherwise; begin it anew");
        }
    }

    private async Task TryRemoveAsync(string? key)
    {
        if (key is null)
        {
            return;
        }

        try
        {
            await _objects.DeleteAsync(key, CancellationToken.None);
        }
        catch (Exception error) when (error is MicaException or AmazonS3Exception)
        {
            // The blob is whole; what is left of its making is found later.
        }
    }
}
