namespace Mica.Engine;

/// <summary>Reads from <c>source</c>, which stays open, whose first bytes can be looked at before they are read.</summary>
internal sealed class LookAheadStream : Stream
{
    private readonly Stream _source;
    private readonly byte[] _head;
    private int _position;

    public LookAheadStream(Stream source, int headSize)
    {
        _source = source;
        byte[] head = new byte[headSize];
        _head = head[..source.ReadAtLeast(head, headSize, throwOnEndOfStream: false)];
    }

    /// <summary>What the stream begins with; shorter than asked for when that is all.</summary>
    public ReadOnlySpan<byte> Head => _head;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (_position == _head.Length)
        {
            return _source.Read(buffer);
        }

        int count = Math.Min(buffer.Length, _head.Length - _position);
        _head.AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
