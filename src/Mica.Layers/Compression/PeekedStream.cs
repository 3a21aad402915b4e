namespace Mica.Layers;

/// <summary>A stream whose first bytes were looked at: gives them again, then goes on. Owns the inner stream.</summary>
public sealed class PeekedStream : ReadStream
{
    private readonly Stream _inner;
    private readonly byte[] _head;
    private int _used;

    /// <summary>Reads the first <paramref name="count"/> bytes of <paramref name="inner"/>, or all when it is shorter.</summary>
    public PeekedStream(Stream inner, int count)
    {
        _inner = inner;
        byte[] head = new byte[count];
        int length = inner.ReadAtLeast(head, count, throwOnEndOfStream: false);
        _head = head[..length];
    }

    /// <summary>The first bytes; fewer than asked for when the stream is shorter.</summary>
    public ReadOnlySpan<byte> Head => _head;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (_used == _head.Length)
        {
            return _inner.Read(buffer);
        }

        int count = Math.Min(buffer.Length, _head.Length - _used);
        _head.AsSpan(_used, count).CopyTo(buffer);
        _used += count;
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
