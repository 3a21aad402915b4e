using System.Security.Cryptography;
using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Blobs;

/// <summary>
/// The body of a request on its way to the storage: hashed as it is read, and refused when it is longer or shorter than it
/// may be.
/// </summary>
/// <param name="body">The bytes; not owned.</param>
/// <param name="hash">Takes what was read; null when it is read again later.</param>
/// <param name="expected">The bytes that were announced; null for any number up to <paramref name="most"/>.</param>
/// <param name="most">The bytes that are taken at most.</param>
/// <param name="count">Counts the bytes too.</param>
internal sealed class ReceivedStream(Stream body, IncrementalHash? hash, long? expected, long most, Counter? count = null) : Stream
{
    private long _received;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read;
        try
        {
            read = await body.ReadAsync(buffer, cancellationToken);
        }
        catch (IOException error) when (error is not BadHttpRequestException)
        {
            // Not ours: what reads a body tells some malformed ones by this.
            throw new RefusedException(ErrorCode.SizeInvalid, "the body broke off, or is malformed");
        }

        _received += read;
        count?.Add(read);
        if (_received > (expected ?? most) || _received > most)
        {
            throw _received > most
                ? new RefusedException(ErrorCode.TooLarge, $"the blob has more than the {most} bytes that are allowed")
                : new RefusedException(ErrorCode.SizeInvalid, $"more than the announced {expected} bytes came");
        }

        if (read == 0 && expected is { } promised && _received != promised && buffer.Length > 0)
        {
            throw new RefusedException(ErrorCode.SizeInvalid, $"{_received} of the announced {promised} bytes came");
        }

        hash?.AppendData(buffer.Span[..read]);
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
