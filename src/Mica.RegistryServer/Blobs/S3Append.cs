using System.Buffers;
using System.Security.Cryptography;
using Amazon.S3;
using Mica.Oci;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Blobs;

/// <summary>
/// The bytes of one request on their way into the parts of a multipart upload; while one part is sent the next is filled. What
/// does not fill a part is an object of its own, under a key that nobody else has, until more comes or the upload ends.
/// Nothing that the upload's row leads to is changed, whatever happens on the way.
/// </summary>
internal sealed class S3Append(S3Objects objects, PartMemory memory, PartSizes sizes, TimeSpan slow, Upload upload, Stream content)
{
    /// <summary>What a client must have sent before a part is taken for it: those that only trickle hold no more than this.</summary>
    private const int PieceSize = 256 * 1024;

    private readonly S3UploadState _before = S3UploadState.Parse(upload.State);
    private S3UploadState _state = S3UploadState.Parse(upload.State);
    private long _size = upload.Size;
    private PartBuffer? _buffer;
    private Task<string>? _sending;
    private Task<int>? _reading;
    private Task _isSlow = Task.CompletedTask;

    public async Task<Upload> RunAsync(bool isLast, CancellationToken cancellationToken)
    {
        byte[] piece = ArrayPool<byte>.Shared.Rent(PieceSize);
        bool isWhole = false;
        try
        {
            int read = await content.ReadAsync(piece.AsMemory(0, PieceSize), cancellationToken);
            if (read == 0)
            {
                isWhole = true;
                return upload;
            }

            await BeginAsync(cancellationToken);
            while (read > 0)
            {
                if (_buffer is null)
                {
                    read += await content.ReadAtLeastAsync(
                        piece.AsMemory(read, PieceSize - read), PieceSize - read, throwOnEndOfStream: false, cancellationToken);
                }

                await FillAsync(piece.AsMemory(0, read), isEnd: _buffer is null && read < PieceSize, cancellationToken);
                read = await ReadAsync(piece.AsMemory(0, PieceSize), cancellationToken);
            }

            await PutAwayAsync(isLast, cancellationToken);
            isWhole = true;
            return upload with { Size = _size, State = (_state with { Old = _before.Tail }).ToString() };
        }
        catch (AmazonS3Exception error) when (error.ErrorCode is "NoSuchUpload")
        {
            throw new RefusedException(ErrorCode.BlobUploadUnknown, "the upload has ended meanwhile");
        }
        finally
        {
            _buffer?.Dispose();
            await EndAsync(_reading);
            await EndAsync(_sending);
            ArrayPool<byte>.Shared.Return(piece);
            if (!isWhole)
            {
                await RemoveAsync(objects, _before, _state);
            }
        }
    }

    /// <summary>Removes what <paramref name="after"/> leads to and <paramref name="before"/> does not, as far as it can be.</summary>
    public static async Task RemoveAsync(S3Objects objects, S3UploadState before, S3UploadState after)
    {
        try
        {
            if (after.Tail is { } tail && tail != before.Tail)
            {
                await objects.DeleteAsync(tail, CancellationToken.None);
            }

            if (after.Multipart is { } multipart && multipart != before.Multipart)
            {
                await objects.AbortAsync(after.Key!, multipart, CancellationToken.None);
            }
        }
        catch (Exception error) when (error is MicaException or AmazonS3Exception)
        {
            // The collection finds it.
        }
    }

    /// <summary>A key that begins with the upload's id and that no other request has.</summary>
    private string NewKey() => $"{upload.Id}-{RandomNumberGenerator.GetHexString(16, lowercase: true)}";

    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        if (_before.IsClosed)
        {
            throw new RefusedException(ErrorCode.BlobUploadInvalid, "a request with the digest has closed the upload; nothing can be put behind it");
        }

        if (_before.Old is { } old)
        {
            await objects.DeleteAsync(old, cancellationToken);
        }
    }

    private async Task FillAsync(ReadOnlyMemory<byte> bytes, bool isEnd, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            _buffer ??= await OpenBufferAsync(isEnd ? _state.TailSize + bytes.Length : int.MaxValue, cancellationToken);
            int written = _buffer.Write(bytes.Span);
            bytes = bytes[written..];
            _size += written;
            if (_buffer.IsFull)
            {
                await SendAsync(cancellationToken);
            }
        }
    }

    /// <summary>
    /// The next bytes. A client that keeps a part waiting while others have no memory loses it: what there is becomes an object.
    /// </summary>
    private async Task<int> ReadAsync(Memory<byte> piece, CancellationToken cancellationToken)
    {
        ValueTask<int> read = content.ReadAsync(piece, cancellationToken);
        if (read.IsCompleted || _buffer is null)
        {
            return await read;
        }

        _reading = read.AsTask();
        while (_buffer is not null && await Task.WhenAny(_reading, _isSlow) != _reading)
        {
            if (memory.IsShort)
            {
                await PutAwayAsync(isLast: false, cancellationToken);
            }
            else
            {
                _isSlow = Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
            }
        }

        int result = await _reading;
        _reading = null;
        return result;
    }

    private async Task<PartBuffer> OpenBufferAsync(int needed, CancellationToken cancellationToken)
    {
        int parts = _state.Parts.Length + (_sending is null ? 0 : 1);
        if (parts >= S3UploadState.MaxParts)
        {
            throw new RefusedException(ErrorCode.TooLarge, "the blob has more parts than the store can take");
        }

        PartBuffer buffer = await memory.TakeAsync(sizes.After(parts), needed, cancellationToken);
        _isSlow = Task.Delay(slow, cancellationToken);
        try
        {
            if (_state.Tail is { } tail)
            {
                await LoadAsync(objects, tail, _state.TailSize, buffer, cancellationToken);
                _state = _state with { Tail = null, TailSize = 0 };
                if (tail != _before.Tail)
                {
                    await objects.DeleteAsync(tail, cancellationToken);
                }
            }

            return buffer;
        }
        catch (MicaException error) when (error.Kind is ErrorKind.NotFound)
        {
            buffer.Dispose();
            throw new RefusedException(ErrorCode.RangeInvalid, "another request appended to the upload meanwhile");
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <summary>Reads an object into a part.</summary>
    public static async Task LoadAsync(S3Objects objects, string key, int size, PartBuffer buffer, CancellationToken cancellationToken)
    {
        byte[] piece = ArrayPool<byte>.Shared.Rent(PieceSize);
        try
        {
            await using Stream stream = await objects.OpenAsync(key, 0, size, cancellationToken);
            while (await stream.ReadAsync(piece, cancellationToken) is var read and > 0)
            {
                if (buffer.Write(piece.AsSpan(0, read)) != read)
                {
                    throw new MicaException(ErrorKind.Internal, "the end of an upload is larger than a part");
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        await SentAsync();
        if (_state.Multipart is null)
        {
            string key = NewKey();
            _state = _state with { Key = key, Multipart = await objects.BeginAsync(key, cancellationToken) };
        }

        PartBuffer full = _buffer!;
        _buffer = null;
        _sending = PutPartAsync(full, _state, cancellationToken);
    }

    private async Task<string> PutPartAsync(PartBuffer part, S3UploadState state, CancellationToken cancellationToken)
    {
        using (part)
        {
            return await objects.PutPartAsync(state.Key!, state.Multipart!, state.Parts.Length + 1, part, cancellationToken);
        }
    }

    /// <summary>Waits for the part that is being sent.</summary>
    private async Task SentAsync()
    {
        if (_sending is not null)
        {
            string tag = await _sending;
            _sending = null;
            _state = _state with { Parts = _state.Parts.Add(tag) };
        }
    }

    /// <summary>Puts what there is of a part into an object; at the end of an upload that has parts, it is the last of them.</summary>
    private async Task PutAwayAsync(bool isLast, CancellationToken cancellationToken)
    {
        await SentAsync();
        if (_buffer is null)
        {
            return;
        }

        if (isLast && _state.Multipart is not null)
        {
            string tag = await PutPartAsync(_buffer, _state, cancellationToken);
            _state = _state with { Parts = _state.Parts.Add(tag), IsClosed = true };
        }
        else
        {
            string key = NewKey();
            await objects.PutAsync(key, _buffer, cancellationToken);
            _state = _state with { Tail = key, TailSize = _buffer.Length };
        }

        _buffer.Dispose();
        _buffer = null;
    }

    private static async Task EndAsync(Task? task)
    {
        if (task is not null)
        {
            // Its error, if any, is known already, or of no interest beside the one that is.
            await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
