using System.Buffers;
using System.Security.Cryptography;
using Mica.Oci;

namespace Mica.Store;

/// <summary>
/// A blob on its way through: what lies in the partial file already, then what comes from the source, which is written there
/// as it passes. Read synchronously by the thread that unpacks it, in pieces of its own size below. The end is the end only
/// if size and digest are right; else the read throws, as <see cref="VerifyingStream"/> does.
/// </summary>
internal sealed class IngestStream : Stream
{
    private const int BufferSize = 256 << 10;

    /// <summary>Bytes between two reports.</summary>
    private const int Step = 512 << 10;

    private readonly PartialBlob _partial;
    private readonly Stream _rest;
    private readonly Descriptor _blob;
    private readonly IProgress<ProgressEvent>? _progress;
    private readonly CancellationToken _cancellationToken;
    private readonly IncrementalHash _hash;
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private readonly long _resumed;
    private int _start;
    private int _end;
    private long _position;
    private long _reported;

    /// <summary>Takes ownership of <paramref name="rest"/>, which begins where the partial file ends.</summary>
    public IngestStream(
        PartialBlob partial, Stream rest, Descriptor blob, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken)
    {
        _partial = partial;
        _rest = rest;
        _blob = blob;
        _progress = progress;
        _cancellationToken = cancellationToken;
        _resumed = partial.Length;
        _hash = Digest.CreateHash(blob.Digest.Algorithm);
        progress?.Report(new BlobTransferred(blob, _resumed));
    }

    /// <summary>The end was reached, and size and digest are right.</summary>
    public bool IsVerified { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => _blob.Size;

    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (_start == _end && !IsVerified && buffer.Length > 0)
        {
            Fill();
        }

        int count = Math.Min(buffer.Length, _end - _start);
        _buffer.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _rest.Dispose();
            _hash.Dispose();
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        base.Dispose(disposing);
    }

    private void Fill()
    {
        _cancellationToken.ThrowIfCancellationRequested();
        bool isHere = _position < _resumed;
        int count = isHere
            ? _partial.Read(_buffer.AsSpan(0, (int)Math.Min(BufferSize, _resumed - _position)), _position)
            : ReadRest();
        if (count == 0)
        {
            Verify();
            return;
        }

        if (_position + count > _blob.Size)
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"content of {_blob.Digest} is longer than the {_blob.Size} bytes that its descriptor promises");
        }

        if (!isHere)
        {
            _partial.Append(_buffer.AsSpan(0, count));
        }

        _hash.AppendData(_buffer, 0, count);
        _position += count;
        (_start, _end) = (0, count);
        if (!isHere && _position - _reported >= Step)
        {
            _reported = _position;
            _progress?.Report(new BlobTransferred(_blob, _position));
        }
    }

    /// <summary>Fills most of the buffer: a network delivers small pieces, and each one costs a write.</summary>
    private int ReadRest()
    {
        int total = 0;
        while (total < BufferSize / 2)
        {
            ValueTask<int> read = _rest.ReadAsync(_buffer.AsMemory(total, BufferSize - total), _cancellationToken);
            // This thread does nothing but this layer, so it may wait.
            int count = read.IsCompletedSuccessfully ? read.GetAwaiter().GetResult() : read.AsTask().GetAwaiter().GetResult();
            if (count == 0)
            {
                break;
            }

            total += count;
        }

        return total;
    }

    private void Verify()
    {
        if (_position != _blob.Size)
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"content of {_blob.Digest} ends after {_position} of {_blob.Size} bytes");
        }

        Digest actual = Digest.FromHash(_blob.Digest.Algorithm, _hash.GetCurrentHash());
        if (actual != _blob.Digest)
        {
            throw new DigestMismatchException(_blob.Digest, actual);
        }

        IsVerified = true;
        _progress?.Report(new BlobTransferred(_blob, _position));
        _progress?.Report(new BlobCompleted(_blob));
    }
}
