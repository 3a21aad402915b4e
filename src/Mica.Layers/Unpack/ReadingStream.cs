namespace Mica.Layers;

/// <summary>A blob on its way to the decompressor, which owns what it reads: the blob is lent, and its bytes are counted.</summary>
internal sealed class ReadingStream(Stream blob, IProgress<long>? progress) : Stream
{
    /// <summary>Bytes between two reports: enough for a bar, few enough to cost nothing.</summary>
    private const int Step = 512 << 10;

    private long _position;
    private long _reported;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        int count = blob.Read(buffer);
        _position += count;
        if (_position - _reported >= Step || (count == 0 && _position != _reported))
        {
            _reported = _position;
            progress?.Report(_position);
        }

        return count;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
