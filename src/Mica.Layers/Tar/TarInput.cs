using Mica.Oci;

namespace Mica.Layers;

/// <summary>
/// The archive as blocks and runs of bytes, over chunks that someone else owns: nothing is copied save a block that lies
/// across two chunks.
/// </summary>
internal sealed class TarInput
{
    public const int BlockSize = 512;

    private readonly Func<ReadOnlyMemory<byte>> _nextChunk;
    private readonly Stream? _seekable;
    private readonly byte[] _straddling = new byte[BlockSize];
    private ReadOnlyMemory<byte> _chunk;
    private bool _ended;

    public TarInput(Func<ReadOnlyMemory<byte>> nextChunk) => _nextChunk = nextChunk;

    public TarInput(Stream stream, int bufferSize)
    {
        byte[] buffer = new byte[bufferSize];
        _nextChunk = () => buffer.AsMemory(0, stream.ReadAtLeast(buffer, BlockSize, throwOnEndOfStream: false));
        _seekable = stream.CanSeek ? stream : null;
    }

    /// <summary>Bytes taken so far.</summary>
    public long Position { get; private set; }

    /// <summary>The source of the chunks threw: what it said is not about the archive.</summary>
    public bool IsFailed { get; private set; }

    /// <summary>The next block, valid until the next call; false when the archive ends here.</summary>
    public bool TryReadBlock(out ReadOnlySpan<byte> block)
    {
        block = Peek(BlockSize);
        if (block.Length == BlockSize)
        {
            Advance(BlockSize);
            return true;
        }

        if (block.IsEmpty)
        {
            return false;
        }

        ReadExactly(_straddling);
        block = _straddling;
        return true;
    }

    /// <summary>Up to <paramref name="max"/> bytes, at least one unless the archive ends or <paramref name="max"/> is 0.</summary>
    public ReadOnlySpan<byte> Peek(long max)
    {
        while (_chunk.IsEmpty && !_ended && max > 0)
        {
            IsFailed = true;
            _chunk = _nextChunk();
            IsFailed = false;
            _ended = _chunk.IsEmpty;
        }

        ReadOnlySpan<byte> span = _chunk.Span;
        return span.Length <= max ? span : span[..(int)max];
    }

    /// <summary>Takes <paramref name="count"/> bytes that <see cref="Peek"/> showed.</summary>
    public void Advance(int count)
    {
        _chunk = _chunk[count..];
        Position += count;
    }

    public void ReadExactly(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            ReadOnlySpan<byte> bytes = PeekOrThrow(destination.Length);
            bytes.CopyTo(destination);
            destination = destination[bytes.Length..];
            Advance(bytes.Length);
        }
    }

    public void Skip(long count)
    {
        if (_seekable is not null && count > _chunk.Length)
        {
            count -= _chunk.Length;
            Advance(_chunk.Length);
            // Up to the last byte, which is read, so that an archive that ends too early is noticed.
            long jump = Math.Min(count, _seekable.Length - _seekable.Position) - 1;
            if (jump > 0)
            {
                _seekable.Seek(jump, SeekOrigin.Current);
                Position += jump;
                count -= jump;
            }
        }

        while (count > 0)
        {
            int step = PeekOrThrow(count).Length;
            Advance(step);
            count -= step;
        }
    }

    public ReadOnlySpan<byte> PeekOrThrow(long max)
    {
        ReadOnlySpan<byte> bytes = Peek(max);
        return bytes.IsEmpty && max > 0
            ? throw new MicaException(ErrorKind.ContentMismatch, $"tar: the archive is truncated after {Position} bytes")
            : bytes;
    }
}
