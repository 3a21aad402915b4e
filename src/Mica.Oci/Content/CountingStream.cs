namespace Mica.Oci;

/// <summary>Passes bytes through and reports every so many of them as <see cref="BlobTransferred"/>. Owns the inner stream.</summary>
internal sealed class CountingStream(Stream inner, Descriptor descriptor, IProgress<ProgressEvent>? progress) : Stream
{
    /// <summary>Bytes between two reports: enough for a bar, few enough to cost nothing.</summary>
    private const int Step = 512 << 10;

    private long _position;
    private long _reported;

    public override bool CanRead => true;

    public override bool CanSeek => inner.CanSeek;

    public override bool CanWrite => false;

    public override long Length => descriptor.Size;

    public override long Position { get => _position; set => Seek(value, SeekOrigin.Begin); }

    public override int Read(byte[] buffer, int offset, int count) => Count(inner.Read(buffer, offset, count));

    public override int Read(Span<byte> buffer) => Count(inner.Read(buffer));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Count(await inner.ReadAsync(buffer, cancellationToken));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => _reported = _position = inner.Seek(offset, origin);

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Count(int count)
    {
        _position += count;
        if (_position - _reported >= Step)
        {
            _reported = _position;
            progress?.Report(new BlobTransferred(descriptor, _position));
        }

        return count;
    }
}
