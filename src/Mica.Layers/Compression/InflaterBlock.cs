namespace Mica.Layers;

/// <summary>The bits of a deflate stream and the block that they are in: its kind, its codes, its end. RFC 1951, 3.2.3.</summary>
internal sealed class InflaterBlock(CompressedInput input)
{
    private readonly HuffmanTable _lengthCodes = new(DeflateCodes.LengthCodePrimaryBits);
    private readonly byte[] _lengths = new byte[DeflateCodes.MaxLiteralSymbols + DeflateCodes.MaxDistanceSymbols];
    private bool _isLast;
    private int _storedLeft;

    /// <summary>The code for literals, lengths and the end.</summary>
    public HuffmanTable Literals { get; } = new(DeflateCodes.LiteralPrimaryBits);

    /// <summary>The code for distances.</summary>
    public HuffmanTable Distances { get; } = new(DeflateCodes.DistancePrimaryBits);

    /// <summary>Bits taken from the input and not used, the next one lowest.</summary>
    public ulong Bits { get; set; }

    /// <summary>How many of <see cref="Bits"/> count; the ones above may hold what comes next.</summary>
    public int BitCount { get; set; }

    public bool IsStored { get; private set; }

    public bool IsAtEnd { get; set; } = true;

    public void Reset()
    {
        _isLast = false;
        IsAtEnd = true;
    }

    /// <summary>Enters the next block if this one has ended; false behind the last one, with unused input given back.</summary>
    public bool MoveOn()
    {
        while (IsAtEnd)
        {
            if (_isLast)
            {
                GiveBack();
                return false;
            }

            ReadHeader();
        }

        return true;
    }

    /// <summary>Gives bytes of a stored block.</summary>
    public int ReadStored(Span<byte> output)
    {
        if (!input.Fill())
        {
            throw input.Truncated();
        }

        ReadOnlySpan<byte> source = input.Available;
        int count = Math.Min(Math.Min(source.Length, output.Length), _storedLeft);
        source[..count].CopyTo(output);
        input.Position += count;
        _storedLeft -= count;
        IsAtEnd = _storedLeft == 0;
        return count;
    }

    /// <summary>The entry for the code that comes next, which is whole and valid.</summary>
    public uint Next(HuffmanTable table)
    {
        Refill();
        uint entry = table.Find(Bits);
        if ((byte)entry > BitCount)
        {
            throw input.Truncated();
        }

        return HuffmanTable.IsInvalid(entry)
            ? throw (BitCount < HuffmanTable.MaxCodeLength ? input.Truncated() : input.Error("is damaged: bits are no code"))
            : entry;
    }

    public void Take(int count)
    {
        Bits >>= count;
        BitCount -= count;
    }

    private int ReadBits(int count)
    {
        Refill();
        if (BitCount < count)
        {
            throw input.Truncated();
        }

        int value = (int)(Bits & ((1UL << count) - 1));
        Take(count);
        return value;
    }

    private void Refill()
    {
        while (BitCount < 48 && input.Fill())
        {
            Bits |= (ulong)input.Buffer[input.Position++] << BitCount;
            BitCount += 8;
        }
    }

    private void GiveBack()
    {
        input.Position -= BitCount >> 3;
        Bits = 0;
        BitCount = 0;
    }

    private void ReadHeader()
    {
        _isLast = ReadBits(1) == 1;
        IsAtEnd = false;
        IsStored = false;
        switch (ReadBits(2))
        {
            case 0:
                ReadStoredHeader();
                break;
            case 1:
                Literals.TryBuild(DeflateCodes.FixedLiteralLengths, DeflateCodes.Literals, allowLoneCode: false);
                Distances.TryBuild(DeflateCodes.FixedDistanceLengths, DeflateCodes.Distances, allowLoneCode: false);
                break;
            case 2:
                ReadCodes();
                break;
            default:
                throw input.Error("is damaged: a block has a type that does not exist");
        }
    }

    private void ReadStoredHeader()
    {
        GiveBack();
        int length = input.ReadByte() | (input.ReadByte() << 8);
        int complement = input.ReadByte() | (input.ReadByte() << 8);
        if (length != (complement ^ 0xffff))
        {
            throw input.Error("is damaged: the lengths of a stored block differ");
        }

        IsStored = true;
        _storedLeft = length;
        IsAtEnd = length == 0;
    }

    private void ReadCodes()
    {
        int literals = ReadBits(5) + 257;
        int distances = ReadBits(5) + 1;
        int lengthCodes = ReadBits(4) + 4;
        Span<byte> order = stackalloc byte[19];
        order.Clear();
        for (int i = 0; i < lengthCodes; i++)
        {
            order[DeflateCodes.LengthCodeOrder[i]] = (byte)ReadBits(3);
        }

        if (literals > DeflateCodes.MaxLiteralSymbols || distances > DeflateCodes.MaxDistanceSymbols
            || !_lengthCodes.TryBuild(order, DeflateCodes.LengthCodes, allowLoneCode: false))
        {
            throw BadCodes();
        }

        Span<byte> lengths = _lengths.AsSpan(0, literals + distances);
        ReadLengths(lengths);
        if (lengths[DeflateCodes.EndOfBlock] == 0
            || !Literals.TryBuild(lengths[..literals], DeflateCodes.Literals, allowLoneCode: true)
            || !Distances.TryBuild(lengths[literals..], DeflateCodes.Distances, allowLoneCode: true))
        {
            throw BadCodes();
        }
    }

    private void ReadLengths(Span<byte> lengths)
    {
        int filled = 0;
        while (filled < lengths.Length)
        {
            uint entry = Next(_lengthCodes);
            Take((byte)entry);
            int symbol = (int)(entry >> HuffmanTable.ValueShift);
            if (symbol < 16)
            {
                lengths[filled++] = (byte)symbol;
                continue;
            }

            int repeat = symbol switch { 16 => 3 + ReadBits(2), 17 => 3 + ReadBits(3), _ => 11 + ReadBits(7) };
            if (repeat > lengths.Length - filled || (symbol == 16 && filled == 0))
            {
                throw BadCodes();
            }

            lengths.Slice(filled, repeat).Fill(symbol == 16 ? lengths[filled - 1] : (byte)0);
            filled += repeat;
        }
    }

    private Mica.Oci.MicaException BadCodes() => input.Error("is damaged: a block's codes are malformed");
}
