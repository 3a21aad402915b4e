using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>
/// Some bytes of an open file, read by position, so that many sections of one file are read at once. A file that ends before
/// the section does is an error, not the end of the stream.
/// </summary>
/// <param name="file">Lent, unless <paramref name="owned"/>.</param>
/// <param name="offset">Where in the file the section begins.</param>
/// <param name="length">Bytes of the section.</param>
/// <param name="owned">Whether disposing this closes <paramref name="file"/>.</param>
/// <param name="subject">What a message calls the content.</param>
internal sealed class FileSection(SafeFileHandle file, long offset, long length, bool owned, string subject) : Stream
{
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        Span<byte> wanted = buffer[..Bound(buffer.Length)];
        return Count(wanted.Length, RandomAccess.Read(file, wanted, offset + _position));
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Memory<byte> wanted = buffer[..Bound(buffer.Length)];
        return Count(wanted.Length, await RandomAccess.ReadAsync(file, wanted, offset + _position, cancellationToken));
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && owned)
        {
            file.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Bound(int count) => (int)Math.Min(count, length - _position);

    private int Count(int wanted, int count)
    {
        if (count == 0 && wanted > 0)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{subject} ends after {_position} of {length} bytes");
        }

        _position += count;
        return count;
    }
}
