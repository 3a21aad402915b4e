using System.Security.Cryptography;

namespace Mica.Oci;

/// <summary>
/// Passes the bytes of <paramref name="inner"/> through and checks size and digest: the read that would return the end of
/// the stream throws instead when they are wrong, and a stream that goes on beyond the size throws at once. Can go back to
/// what it has read already, if <paramref name="inner"/> can, and never forward: no byte escapes the hash. Owns
/// <paramref name="inner"/>.
/// </summary>
public sealed class VerifyingStream(Stream inner, Descriptor expected) : Stream
{
    private readonly IncrementalHash _hash = Digest.CreateHash(expected.Digest.Algorithm);
    private readonly long _origin = inner.CanSeek ? inner.Position : 0;
    private long _position;
    private long _hashed;
    private bool _verified;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => inner.CanSeek;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <summary>The size that the descriptor promises.</summary>
    public override long Length => expected.Size;

    /// <inheritdoc/>
    public override long Position { get => _position; set => Seek(value, SeekOrigin.Begin); }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        int count = inner.Read(buffer);
        Append(buffer[..count], buffer.Length);
        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = await inner.ReadAsync(buffer, cancellationToken);
        Append(buffer.Span[..count], buffer.Length);
        return count;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin)
    {
        long target = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            _ => expected.Size + offset,
        };
        if (target < 0 || target > _hashed)
        {
            throw new NotSupportedException("a stream that verifies its bytes goes back only to those it has read");
        }

        inner.Position = _origin + target;
        return _position = target;
    }

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Append(ReadOnlySpan<byte> bytes, int asked)
    {
        if (bytes.Length > 0)
        {
            _position += bytes.Length;
            if (_position > expected.Size)
            {
                throw new MicaException(ErrorKind.ContentMismatch,
                    $"content of {expected.Digest} is longer than the {expected.Size} bytes that its descriptor promises");
            }

            int known = (int)Math.Min(bytes.Length, _hashed - (_position - bytes.Length));
            _hash.AppendData(bytes[known..]);
            _hashed = Math.Max(_hashed, _position);
        }
        else if (asked > 0 && !_verified)
        {
            Verify();
        }
    }

    private void Verify()
    {
        if (_position != expected.Size)
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"content of {expected.Digest} ends after {_position} of {expected.Size} bytes");
        }

        Digest actual = Digest.FromHash(expected.Digest.Algorithm, _hash.GetCurrentHash());
        if (actual != expected.Digest)
        {
            throw new DigestMismatchException(expected.Digest, actual);
        }

        _verified = true;
    }
}
