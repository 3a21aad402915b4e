using Mica.Oci;

namespace Mica.Layers;

/// <summary>
/// Buffered compressed bytes. The last few bytes taken can be given back, which a decoder that reads ahead needs at the end of
/// its data. Owns the inner stream.
/// </summary>
internal sealed class CompressedInput(Stream inner, string format) : IDisposable
{
    /// <summary>How many bytes can be given back.</summary>
    public const int Lookback = 8;

    private const int BufferSize = 128 << 10;

    private bool _ended;

    public byte[] Buffer { get; } = new byte[Lookback + BufferSize];

    /// <summary>Where in <see cref="Buffer"/> the next byte is.</summary>
    public int Position { get; set; } = Lookback;

    /// <summary>Where in <see cref="Buffer"/> the bytes end.</summary>
    public int End { get; private set; } = Lookback;

    public ReadOnlySpan<byte> Available => Buffer.AsSpan(Position, End - Position);

    /// <summary>Reads more when nothing is left; false at the end of the stream.</summary>
    public bool Fill()
    {
        if (Position < End)
        {
            return true;
        }

        if (_ended)
        {
            return false;
        }

        Buffer.AsSpan(End - Lookback, Lookback).CopyTo(Buffer);
        int count = inner.Read(Buffer, Lookback, BufferSize);
        Position = Lookback;
        End = Lookback + count;
        _ended = count == 0;
        return count > 0;
    }

    public byte ReadByte() => Fill() ? Buffer[Position++] : throw Truncated();

    public MicaException Truncated() => Error("is truncated");

    public MicaException Error(string problem) => new(ErrorKind.ContentMismatch, $"{format}: the compressed content {problem}");

    public void Dispose() => inner.Dispose();
}
