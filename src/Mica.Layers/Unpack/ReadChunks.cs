using System.Buffers;

namespace Mica.Layers;

/// <summary>Pieces that are decompressed when they are asked for.</summary>
internal sealed class ReadChunks(Stream stream) : IChunkSource, IDisposable
{
    private const int ChunkSize = 256 << 10;

    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(ChunkSize);

    // Whole: pieces that end within a block of the archive make its reader copy the block.
    public ReadOnlyMemory<byte> Next() => _buffer.AsMemory(0, stream.ReadAtLeast(_buffer.AsSpan(0, ChunkSize), ChunkSize, throwOnEndOfStream: false));

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);
}
