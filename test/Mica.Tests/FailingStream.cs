namespace Mica.Tests;

/// <summary>Delivers the first bytes of something, forward only, and then fails like a disk does.</summary>
public sealed class FailingStream(byte[] content, int after) : Stream
{
    private int _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => content.Length;

    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count)
    {
        if (_position >= after)
        {
            throw new IOException("the disk failed");
        }

        int taken = Math.Min(count, Math.Min(after, content.Length) - _position);
        Array.Copy(content, _position, buffer, offset, taken);
        _position += taken;
        return taken;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
