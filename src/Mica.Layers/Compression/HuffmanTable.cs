namespace Mica.Layers;

/// <summary>
/// A table that decodes one canonical Huffman code of RFC 1951: the next <see cref="PrimaryBits"/> bits of input select an
/// entry, which for longer codes selects one in a second table.
/// </summary>
/// <remarks>
/// An entry has, from bit 0: the bits to consume with the extra bits included (8), the bits of the code alone (6), the flags
/// <see cref="Secondary"/> and <see cref="Special"/>, the value (15), and the flag <see cref="Literal"/>.
/// </remarks>
internal sealed class HuffmanTable(int primaryBits)
{
    public const uint Literal = 1u << 31;
    public const uint Special = 1u << 15;
    public const uint Secondary = 1u << 14;
    public const int ValueShift = 16;

    /// <summary>What bits that are no code lead to, and codes that are no symbol. Special entries that are valid have the value 0.</summary>
    public const uint Invalid = Special | (1u << ValueShift);

    public const int MaxCodeLength = 15;

    private readonly uint[] _primary = new uint[1 << primaryBits];
    private uint[] _secondary = [];
    private int _secondaryBits;

    public int PrimaryBits => primaryBits;

    public uint[] Primary => _primary;

    /// <summary>Whether an entry that <see cref="Find"/> gave stands for an error.</summary>
    public static bool IsInvalid(uint entry) => (entry & Special) != 0 && entry >> ValueShift != 0;

    /// <summary>The entry for <paramref name="bits"/>, through both tables.</summary>
    public uint Find(ulong bits)
    {
        uint entry = _primary[(int)bits & (_primary.Length - 1)];
        return (entry & Secondary) == 0 ? entry : FindSecondary(entry, bits);
    }

    /// <summary>The entry that a primary entry with <see cref="Secondary"/> leads to; it consumes the bits of both.</summary>
    public uint FindSecondary(uint entry, ulong bits) =>
        _secondary[(int)((entry & ~Literal) >> ValueShift) + ((int)(bits >> primaryBits) & ((1 << _secondaryBits) - 1))];

    /// <summary>
    /// Builds the table for the code lengths in <paramref name="lengths"/> (0: symbol not used). <paramref name="symbols"/> are the
    /// entries without the code's own bits. False when the lengths are no code: more codes than fit, or, unless a lone code of
    /// one bit, fewer.
    /// </summary>
    public bool TryBuild(ReadOnlySpan<byte> lengths, ReadOnlySpan<uint> symbols, bool allowLoneCode)
    {
        Span<int> count = stackalloc int[MaxCodeLength + 1];
        count.Clear();
        foreach (byte length in lengths)
        {
            count[length]++;
        }

        int used = lengths.Length - count[0];
        count[0] = 0;
        int longest = count.LastIndexOfAnyExcept(0);
        int left = 1;
        Span<int> next = stackalloc int[MaxCodeLength + 2];
        next[0] = next[1] = 0;
        for (int length = 1; length <= MaxCodeLength; length++)
        {
            left = (left << 1) - count[length];
            next[length + 1] = (next[length] + count[length]) << 1;
            if (left < 0)
            {
                return false;
            }
        }

        if (left > 0 && !(allowLoneCode && (used == 0 || (used == 1 && longest == 1))))
        {
            return false;
        }

        Array.Fill(_primary, Invalid);
        PrepareSecondary(longest, next);
        for (int symbol = 0; symbol < lengths.Length; symbol++)
        {
            if (lengths[symbol] is > 0 and var length)
            {
                Place(symbols[symbol] + (uint)(length << 8) + length, Reverse(next[length]++, length), length);
            }
        }

        return true;
    }

    /// <summary>Gives every primary entry that longer codes begin with its part of the second table.</summary>
    private void PrepareSecondary(int longest, ReadOnlySpan<int> next)
    {
        _secondaryBits = Math.Max(0, longest - primaryBits);
        if (_secondaryBits == 0)
        {
            return;
        }

        // In canonical order the longer codes come last: from this prefix on, all of them begin so.
        int first = next[primaryBits + 1] >> 1;
        int prefixes = (1 << primaryBits) - first;
        if (_secondary.Length < prefixes << _secondaryBits)
        {
            _secondary = new uint[prefixes << _secondaryBits];
        }

        _secondary.AsSpan().Fill(Invalid);
        for (int i = 0; i < prefixes; i++)
        {
            _primary[Reverse(first + i, primaryBits)] = Special | Secondary | ((uint)(i << _secondaryBits) << ValueShift);
        }
    }

    private void Place(uint entry, int reversed, int length)
    {
        if (length <= primaryBits)
        {
            for (int i = reversed; i < _primary.Length; i += 1 << length)
            {
                _primary[i] = entry;
            }

            return;
        }

        int start = (int)((_primary[reversed & ((1 << primaryBits) - 1)] & ~Literal) >> ValueShift);
        for (int i = reversed >> primaryBits; i < 1 << _secondaryBits; i += 1 << (length - primaryBits))
        {
            _secondary[start + i] = entry;
        }
    }

    private static int Reverse(int code, int length)
    {
        int reversed = 0;
        for (int i = 0; i < length; i++)
        {
            reversed = (reversed << 1) | ((code >> i) & 1);
        }

        return reversed;
    }
}
