namespace Mica.Layers;

/// <summary>The alphabets of RFC 1951, 3.2.5 to 3.2.7, as entries for a <see cref="HuffmanTable"/>.</summary>
internal static class DeflateCodes
{
    public const int LiteralPrimaryBits = 11;
    public const int DistancePrimaryBits = 8;
    public const int LengthCodePrimaryBits = 7;

    /// <summary>What follows the lengths 257 and up; a block may not use the two symbols behind them.</summary>
    public const int MaxLiteralSymbols = 286;

    public const int MaxDistanceSymbols = 30;
    public const int EndOfBlock = 256;

    private static ReadOnlySpan<ushort> LengthBases =>
        [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];

    private static ReadOnlySpan<byte> LengthExtraBits =>
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

    private static ReadOnlySpan<ushort> DistanceBases =>
        [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];

    /// <summary>The order in which a dynamic block gives the lengths of the code for code lengths.</summary>
    public static ReadOnlySpan<byte> LengthCodeOrder => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    /// <summary>256 literals, the end of the block, 29 lengths, and two symbols that only complete the fixed code.</summary>
    public static uint[] Literals { get; } = CreateLiterals();

    /// <summary>30 distances, and two symbols that only complete the fixed code.</summary>
    public static uint[] Distances { get; } = CreateDistances();

    /// <summary>19 symbols that are themselves the values.</summary>
    public static uint[] LengthCodes { get; } = [.. Enumerable.Range(0, 19).Select(symbol => (uint)symbol << HuffmanTable.ValueShift)];

    public static byte[] FixedLiteralLengths { get; } =
        [.. Enumerable.Range(0, 288).Select(symbol => (byte)(symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8))];

    public static byte[] FixedDistanceLengths { get; } = [.. Enumerable.Repeat((byte)5, 32)];

    private static uint[] CreateLiterals()
    {
        uint[] entries = new uint[288];
        for (uint literal = 0; literal < 256; literal++)
        {
            entries[literal] = HuffmanTable.Literal | (literal << HuffmanTable.ValueShift);
        }

        entries[EndOfBlock] = HuffmanTable.Special;
        for (int i = 0; i < LengthBases.Length; i++)
        {
            entries[EndOfBlock + 1 + i] = ((uint)LengthBases[i] << HuffmanTable.ValueShift) | LengthExtraBits[i];
        }

        entries[286] = entries[287] = HuffmanTable.Invalid;
        return entries;
    }

    private static uint[] CreateDistances()
    {
        uint[] entries = new uint[32];
        for (int i = 0; i < DistanceBases.Length; i++)
        {
            entries[i] = ((uint)DistanceBases[i] << HuffmanTable.ValueShift) | (uint)(i < 2 ? 0 : (i >> 1) - 1);
        }

        entries[30] = entries[31] = HuffmanTable.Invalid;
        return entries;
    }
}
