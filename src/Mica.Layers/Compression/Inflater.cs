using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Mica.Layers;

/// <summary>
/// Decodes deflate data (RFC 1951) straight into the caller's buffer, with a copy of the last 32 KiB kept for matches that reach
/// back beyond it. Refuses what zlib refuses. Written here because <see cref="System.IO.Compression.DeflateStream"/> takes a
/// truncated stream for a complete one, and cannot say where in its input the data ended.
/// </summary>
internal sealed class Inflater(CompressedInput input)
{
    private const int Window = 32 << 10;
    private const int MaxMatch = 258;

    /// <summary>What one match may write: it is copied in steps of 16 bytes, two at least, and the last may go beyond its end.</summary>
    private const int MatchRoom = MaxMatch + 32;

    /// <summary>What one round of the fast loop may write: up to three literals, then a match.</summary>
    private const int RoundRoom = 3 + MatchRoom;

    private readonly InflaterBlock _block = new(input);
    private readonly byte[] _history = new byte[4 * Window];
    private int _historyLength;
    private int _matchLength;
    private int _matchDistance;

    /// <summary>Begins a new stream at the input's position.</summary>
    public void Reset()
    {
        _historyLength = 0;
        _matchLength = 0;
        _block.Reset();
    }

    /// <summary>Fills <paramref name="output"/>; gives less only at the end of the data, whereupon the input is right behind it.</summary>
    public int Read(Span<byte> output)
    {
        int position = CopyMatch(output, 0);
        while (position < output.Length && _block.MoveOn())
        {
            position = _block.IsStored ? position + _block.ReadStored(output[position..]) : Decode(output, position);
        }

        Remember(output[..position]);
        return position;
    }

    /// <summary>Decodes symbols until the block ends or the output is full.</summary>
    private int Decode(Span<byte> output, int position)
    {
        while (position < output.Length && !_block.IsAtEnd)
        {
            position = DecodeFast(output, position);
            if (position < output.Length && !_block.IsAtEnd)
            {
                position = DecodeOne(output, position);
            }
        }

        return position;
    }

    /// <summary>Decodes while there is room and input for anything a symbol may need, so that only this is checked.</summary>
    private int DecodeFast(Span<byte> output, int position)
    {
        ReadOnlySpan<byte> source = input.Buffer.AsSpan(0, input.End);
        ReadOnlySpan<uint> literals = _block.Literals.Primary.AsSpan(0, 1 << DeflateCodes.LiteralPrimaryBits);
        ReadOnlySpan<uint> distances = _block.Distances.Primary.AsSpan(0, 1 << DeflateCodes.DistancePrimaryBits);
        ulong bits = _block.Bits;
        int count = _block.BitCount;
        int taken = input.Position;
        while (taken <= source.Length - 16 && position <= output.Length - RoundRoom)
        {
            bits |= BinaryPrimitives.ReadUInt64LittleEndian(source[taken..]) << count;
            taken += (63 - count) >> 3;
            count |= 56;
            uint entry = literals[(int)bits & ((1 << DeflateCodes.LiteralPrimaryBits) - 1)];
            if ((int)entry < 0)
            {
                // 56 bits are enough for four codes of the primary table.
                output[position++] = (byte)(entry >> HuffmanTable.ValueShift);
                bits >>= (byte)entry;
                count -= (byte)entry;
                entry = literals[(int)bits & ((1 << DeflateCodes.LiteralPrimaryBits) - 1)];
                if ((int)entry < 0)
                {
                    output[position++] = (byte)(entry >> HuffmanTable.ValueShift);
                    bits >>= (byte)entry;
                    count -= (byte)entry;
                    entry = literals[(int)bits & ((1 << DeflateCodes.LiteralPrimaryBits) - 1)];
                    if ((int)entry < 0)
                    {
                        output[position++] = (byte)(entry >> HuffmanTable.ValueShift);
                        bits >>= (byte)entry;
                        count -= (byte)entry;
                        continue;
                    }
                }

                bits |= BinaryPrimitives.ReadUInt64LittleEndian(source[taken..]) << count;
                taken += (63 - count) >> 3;
                count |= 56;
            }

            if ((entry & HuffmanTable.Special) != 0)
            {
                if ((entry & HuffmanTable.Secondary) != 0)
                {
                    entry = _block.Literals.FindSecondary(entry, bits);
                }

                if ((int)entry < 0)
                {
                    output[position++] = (byte)(entry >> HuffmanTable.ValueShift);
                    bits >>= (byte)entry;
                    count -= (byte)entry;
                    continue;
                }

                if ((entry & HuffmanTable.Special) != 0)
                {
                    // The end of the block or an error: left to the careful way.
                    break;
                }
            }

            ulong before = bits;
            int beforeCount = count;
            int length = Value(entry, bits);
            bits >>= (byte)entry;
            count -= (byte)entry;
            entry = distances[(int)bits & ((1 << DeflateCodes.DistancePrimaryBits) - 1)];
            if ((entry & HuffmanTable.Secondary) != 0)
            {
                entry = _block.Distances.FindSecondary(entry, bits);
            }

            int distance = Value(entry, bits);
            if ((entry & HuffmanTable.Special) != 0 || distance > position)
            {
                // An error, or a match that begins in the history: left to the careful way.
                bits = before;
                count = beforeCount;
                break;
            }

            bits >>= (byte)entry;
            count -= (byte)entry;
            CopyWithin(output.Slice(position - distance, distance + MatchRoom), distance, length);
            position += length;
        }

        _block.Bits = bits;
        _block.BitCount = count;
        input.Position = taken;
        return position;
    }

    /// <summary>Decodes one symbol with every check.</summary>
    private int DecodeOne(Span<byte> output, int position)
    {
        uint entry = _block.Next(_block.Literals);
        if ((int)entry < 0)
        {
            output[position] = (byte)(entry >> HuffmanTable.ValueShift);
            _block.Take((byte)entry);
            return position + 1;
        }

        if ((entry & HuffmanTable.Special) != 0)
        {
            _block.Take((byte)entry);
            _block.IsAtEnd = true;
            return position;
        }

        _matchLength = Value(entry, _block.Bits);
        _block.Take((byte)entry);
        entry = _block.Next(_block.Distances);
        _matchDistance = Value(entry, _block.Bits);
        _block.Take((byte)entry);
        return _matchDistance <= position + _historyLength
            ? CopyMatch(output, position)
            : throw input.Error("is damaged: a match begins before the data");
    }

    /// <summary>The entry's value plus the extra bits, which follow the code.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Value(uint entry, ulong bits) =>
        (int)((entry & ~HuffmanTable.Literal) >> HuffmanTable.ValueShift)
        + (int)((bits & ((1UL << (byte)entry) - 1)) >> ((int)(entry >> 8) & 0x3f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyWithin(Span<byte> from, int distance, int length)
    {
        if (distance >= Vector128<byte>.Count)
        {
            // Most matches are shorter than two steps, so that the number of steps is not guessed wrong.
            Span<byte> to = from[distance..];
            Vector128.Create<byte>(from).CopyTo(to);
            Vector128.Create<byte>(from[16..]).CopyTo(to[16..]);
            for (int i = 32; i < length; i += 16)
            {
                Vector128.Create<byte>(from[i..]).CopyTo(to[i..]);
            }
        }
        else
        {
            CopyPattern(from, distance, length);
        }
    }

    private static void CopyPattern(Span<byte> from, int distance, int length)
    {
        for (int i = distance; i < distance + length; i++)
        {
            from[i] = from[i - distance];
        }
    }

    /// <summary>Copies as much of the pending match as there is room for.</summary>
    private int CopyMatch(Span<byte> output, int position)
    {
        while (_matchLength > 0 && position < output.Length)
        {
            int from = position - _matchDistance;
            output[position++] = from >= 0 ? output[from] : _history[_historyLength + from];
            _matchLength--;
        }

        return position;
    }

    private void Remember(ReadOnlySpan<byte> output)
    {
        if (output.Length >= Window)
        {
            output[^Window..].CopyTo(_history);
            _historyLength = Window;
            return;
        }

        if (_historyLength + output.Length > _history.Length)
        {
            _history.AsSpan(_historyLength - Window, Window).CopyTo(_history);
            _historyLength = Window;
        }

        output.CopyTo(_history.AsSpan(_historyLength));
        _historyLength += output.Length;
    }
}
