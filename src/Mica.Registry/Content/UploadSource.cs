using System.Security.Cryptography;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// The content of an upload, checked while it is read: size and digest are known to be right before the last byte leaves.
/// Goes back to where a registry wants it again, if the stream can. Borrows the stream.
/// </summary>
internal sealed class UploadSource(Stream content, Descriptor expected) : IDisposable
{
    private readonly IncrementalHash _hash = Digest.CreateHash(expected.Digest.Algorithm);
    private readonly long _origin = content.CanSeek ? content.Position : 0;
    private long _hashed;
    private bool _verified;
    private bool _astray;

    /// <summary>The offset in the blob of the next byte.</summary>
    public long Position { get; private set; }

    public long Size => expected.Size;

    /// <summary>Goes to an offset that was read before, or is the current one; false when the stream cannot.</summary>
    public bool TrySeek(long offset)
    {
        if (!content.CanSeek)
        {
            return offset == Position && !_astray;
        }

        if (offset > _hashed)
        {
            return false;
        }

        content.Position = _origin + offset;
        Position = offset;
        return true;
    }

    /// <summary>Fills the buffer, or less at the end of the blob. The read that reaches the end verifies everything.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: wrong bytes, too few or too many.</exception>
    public async ValueTask<int> FillAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int wanted = (int)Math.Min(buffer.Length, expected.Size - Position);
        // A read that is cancelled has moved the stream to nobody knows where.
        _astray = true;
        int count = await content.ReadAtLeastAsync(buffer[..wanted], wanted, throwOnEndOfStream: false, cancellationToken);
        _astray = false;
        if (count < wanted)
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"content of {expected.Digest} ends after {Position + count} of {expected.Size} bytes");
        }

        int known = (int)Math.Min(count, _hashed - Position);
        _hash.AppendData(buffer.Span[known..count]);
        Position += count;
        _hashed = Math.Max(_hashed, Position);
        if (Position == expected.Size && !_verified)
        {
            await VerifyAsync(cancellationToken);
        }

        return count;
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();

    private async ValueTask VerifyAsync(CancellationToken cancellationToken)
    {
        // A stream that can go back is at its end, or it has too many bytes; one that cannot has to be asked.
        if (await content.ReadAsync(new byte[1], cancellationToken) != 0)
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"content of {expected.Digest} is longer than the {expected.Size} bytes that its descriptor promises");
        }

        Digest actual = Digest.FromHash(expected.Digest.Algorithm, _hash.GetCurrentHash());
        _verified = actual == expected.Digest ? true : throw new DigestMismatchException(expected.Digest, actual);
    }
}
