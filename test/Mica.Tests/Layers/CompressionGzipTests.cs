using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using Mica.Oci;
using static Mica.Tests.Layers.CompressionSamples;

namespace Mica.Tests.Layers;

public sealed class CompressionGzipTests
{
    public static TheoryData<string, int> Shapes => new MatrixTheoryData<string, int>(
        ["random", "text", "runs", "zeros"], [0, 1, 2, 100, 65_535, 65_536, 300_000, 3_000_000]);

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Read_WhatThePlatformWrote_GivesTheContent(string shape, int length)
    {
        byte[] content = shape switch
        {
            "random" => Random(length, length),
            "text" => Text(length, length),
            "runs" => Runs(length, length),
            _ => new byte[length],
        };
        foreach (CompressionLevel level in Enum.GetValues<CompressionLevel>())
        {
            byte[] compressed = Gzip(content, level);

            Assert.Equal(content, length == 0 ? [] : Decompress(compressed));
            Assert.Equal(content, length == 0 ? [] : Decompress(compressed, read: 70_000, give: 9000));
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 1 << 20)]
    [InlineData(3, 7)]
    [InlineData(300, 1)]
    [InlineData(1 << 20, 1)]
    [InlineData(33_000, 8)]
    public void Read_SmallPiecesInAndOut_GivesTheContent(int read, int give)
    {
        byte[] content = [.. Text(120_000, 1), .. Runs(120_000, 2), .. Random(70_000, 3)];

        Assert.Equal(content, Decompress(Gzip(content), read, give));
    }

    [Fact]
    public void Read_ManyMembers_GivesAllOfThem()
    {
        byte[] first = Text(100_000, 1);
        byte[] second = Random(5, 2);

        byte[] compressed = [.. Gzip(first), .. Gzip([0]), .. Gzip(second), .. Gzip(first, CompressionLevel.NoCompression)];

        Assert.Equal([.. first, 0, .. second, .. first], Decompress(compressed));
        Assert.Equal([.. first, 0, .. second, .. first], Decompress(compressed, read: 10, give: 3));
    }

    [Fact]
    public void Read_SecondMember_DoesNotSeeTheContentOfTheFirst()
    {
        // A match of distance 4 at the very start.
        byte[] reaching = Member(new Bits().Add(1, 1).Add(1, 2).AddHuffman(0b0000001, 7).AddHuffman(0b00011, 5).AddHuffman(0, 7));

        AssertDamaged("a match begins before the data", [.. Gzip(Text(1000, 1)), .. reaching]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(200_000)]
    public void Read_ZerosBehindTheEnd_AreIgnored(int zeros)
    {
        byte[] content = Text(1000, 1);

        Assert.Equal(content, Decompress([.. Gzip(content), .. new byte[zeros]]));
    }

    [Theory]
    [InlineData(new byte[] { 1 })]
    [InlineData(new byte[] { 0, 0, 7 })]
    [InlineData(new byte[] { 0, 0x1f, 0x8b, 8 })]
    public void Read_SomethingElseBehindTheEnd_Throws(byte[] rest)
    {
        AssertDamaged("is followed by something else", [.. Gzip(Text(1000, 1)), .. rest]);
    }

    [Fact]
    public void Read_CutAnywhere_SaysTruncated()
    {
        byte[] compressed = [.. Gzip(Text(700, 1)), .. Gzip(Random(30, 2))];
        int first = Gzip(Text(700, 1)).Length;
        foreach (int length in Enumerable.Range(2, compressed.Length - 2).Where(length => length != first))
        {
            AssertDamaged("is truncated", compressed[..length]);
        }
    }

    [Fact]
    public void Read_OneBitFlipped_NeverGivesOtherContent()
    {
        byte[] content = Text(700, 1);
        byte[] compressed = Gzip(content);
        for (int bit = 16; bit < compressed.Length * 8; bit++)
        {
            byte[] flipped = [.. compressed];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            try
            {
                // The time in the header may change, and so may a match into another one of the same bytes.
                Assert.Equal(content, Decompress(flipped));
            }
            catch (MicaException error)
            {
                Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
            }
        }
    }

    [Fact]
    public void Read_WrongChecksumOrLength_Throws()
    {
        byte[] crc = Gzip(Text(2000, 1));
        crc[^8] ^= 1;
        byte[] length = Gzip(Text(2000, 1));
        length[^4] ^= 1;

        AssertDamaged("the checksum is wrong", crc);
        AssertDamaged("the length is wrong", length);
    }

    [Fact]
    public void Read_HeaderWithEveryField_IsAccepted()
    {
        byte[] plain = Gzip([42, 42]);
        byte[] header = [0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 1, 2, 3, 4, 0, 3, 5, 0, 1, 2, 3, 4, 5, (byte)'n', 0, (byte)'c', (byte)'d', 0];
        Span<byte> crc = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(crc, Crc32.HashToUInt32(header));

        Assert.Equal([42, 42], Decompress([.. header, .. crc[..2], .. plain.AsSpan(10)]));
        crc[0] ^= 1;
        AssertDamaged("the checksum of the gzip header is wrong", [.. header, .. crc[..2], .. plain.AsSpan(10)]);
    }

    [Fact]
    public void Read_ReservedFlagOrUnknownMethod_Throws()
    {
        byte[] flag = Gzip([1]);
        flag[3] = 0x20;
        byte[] method = Gzip([1]);
        method[2] = 9;

        AssertDamaged("unknown flags", flag);
        AssertDamaged("has no gzip header", method);
    }

    public static TheoryData<string, string> HostileStreams => new()
    {
        { "type", "a block has a type that does not exist" },
        { "stored", "the lengths of a stored block differ" },
        { "oversubscribed", "codes are malformed" },
        { "incomplete", "codes are malformed" },
        { "noend", "codes are malformed" },
        { "toomany", "codes are malformed" },
        { "repeatnothing", "codes are malformed" },
        { "repeatbeyond", "codes are malformed" },
        { "distance30", "bits are no code" },
        { "length286", "bits are no code" },
        { "far", "a match begins before the data" },
        { "nodistance", "bits are no code" },
    };

    [Theory]
    [MemberData(nameof(HostileStreams))]
    public void Read_MalformedDeflate_Throws(string which, string message)
    {
        var bits = new Bits().Add(1, 1);
        switch (which)
        {
            case "type":
                bits.Add(3, 2);
                break;
            case "stored":
                bits.Add(0, 2).Add(0, 5).Add(5, 16).Add(5, 16);
                break;
            case "oversubscribed":
                bits.Dynamic(257, 1, [.. Enumerable.Repeat((byte)1, 19)]);
                break;
            case "incomplete":
                bits.Dynamic(257, 1, [0, 0, 2, 2]);
                break;
            case "noend":
                // All literals and no end: 18 (zeros) for everything but two literals.
                bits.Dynamic(257, 1, Lengths((18, 1), (1, 1)));
                bits.AddHuffman(0, 1).AddHuffman(0, 1).AddHuffman(1, 1).Add(127, 7).AddHuffman(1, 1).Add(118, 7);
                break;
            case "toomany":
                bits.Dynamic(287, 1, Lengths((18, 1), (1, 1)));
                break;
            case "repeatnothing":
                bits.Dynamic(257, 1, Lengths((16, 1), (1, 1)));
                bits.AddHuffman(1, 1).Add(0, 2);
                break;
            case "repeatbeyond":
                bits.Dynamic(257, 1, Lengths((18, 1), (1, 1)));
                bits.AddHuffman(1, 1).Add(127, 7).AddHuffman(1, 1).Add(127, 7);
                break;
            case "distance30":
                bits.Add(1, 2).AddHuffman(0b00110000, 8).AddHuffman(0b0000001, 7).AddHuffman(30, 5).Add(0, 30);
                break;
            case "length286":
                bits.Add(1, 2).AddHuffman(0b11000110, 8).Add(0, 30);
                break;
            case "far":
                bits.Add(1, 2).AddHuffman(0b00110000, 8).AddHuffman(0b0000001, 7).AddHuffman(1, 5).Add(0, 30);
                break;
            case "nodistance":
                // Literal lengths: 256 and 257 one bit each; the distance code is empty.
                bits.Dynamic(258, 1, Lengths((18, 1), (1, 2), (0, 2)));
                bits.AddHuffman(0, 1).Add(127, 7).AddHuffman(0, 1).Add(107, 7).AddHuffman(3, 2).AddHuffman(3, 2).AddHuffman(2, 2);
                bits.AddHuffman(1, 1).Add(0, 30);
                break;
        }

        AssertDamaged(message, Member(bits));
    }

    [Fact]
    public void Read_LoneDistanceCode_IsAccepted()
    {
        // Literal 0, then length 3 (257) at distance 1 by a distance code with a single symbol, then the end (256).
        var bits = new Bits().Add(1, 1).Dynamic(258, 1, Lengths((18, 2), (1, 2), (2, 1)));
        bits.AddHuffman(2, 2);                       // length 1 for literal 0
        bits.AddHuffman(3, 2).Add(127, 7).AddHuffman(3, 2).Add(106, 7);
        bits.AddHuffman(0, 1).AddHuffman(0, 1);      // length 2 for 256 and 257
        bits.AddHuffman(2, 2);                       // length 1 for distance symbol 0
        bits.AddHuffman(0, 1).AddHuffman(3, 2).AddHuffman(0, 1).AddHuffman(2, 2);

        byte[] content = new byte[4];
        Assert.Equal(content, Decompress(Member(bits, content)));
    }

    private static void AssertDamaged(string message, byte[] compressed)
    {
        MicaException error = Assert.Throws<MicaException>(() => Decompress(compressed));
        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Equal(error.Message, Assert.Throws<MicaException>(() => Decompress(compressed, read: 1, give: 1)).Message);
    }

    private static byte[] Member(Bits bits, byte[]? content = null)
    {
        byte[] trailer = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, Crc32.HashToUInt32(content ?? []));
        BinaryPrimitives.WriteInt32LittleEndian(trailer.AsSpan(4), content?.Length ?? 0);
        return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, .. bits.ToArray(), .. trailer];
    }

    private static byte[] Lengths(params (int Symbol, int Length)[] codes)
    {
        byte[] lengths = new byte[19];
        foreach ((int symbol, int length) in codes)
        {
            lengths[symbol] = (byte)length;
        }

        return lengths;
    }

    /// <summary>Deflate by hand, bit by bit.</summary>
    private sealed class Bits
    {
        private readonly List<bool> _bits = [];

        public Bits Add(int value, int count)
        {
            for (int i = 0; i < count; i++)
            {
                _bits.Add(((value >> i) & 1) != 0);
            }

            return this;
        }

        /// <summary>Codes are packed from their most significant bit.</summary>
        public Bits AddHuffman(int code, int count)
        {
            for (int i = count - 1; i >= 0; i--)
            {
                _bits.Add(((code >> i) & 1) != 0);
            }

            return this;
        }

        /// <summary>The head of a dynamic block with the given lengths of the code for code lengths.</summary>
        public Bits Dynamic(int literals, int distances, byte[] codeLengths)
        {
            Add(2, 2).Add(literals - 257, 5).Add(distances - 1, 5).Add(15, 4);
            byte[] all = [.. codeLengths, .. new byte[19 - codeLengths.Length]];
            foreach (int symbol in new[] { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 })
            {
                Add(all[symbol], 3);
            }

            return this;
        }

        public byte[] ToArray()
        {
            byte[] bytes = new byte[(_bits.Count + 7) / 8];
            for (int i = 0; i < _bits.Count; i++)
            {
                bytes[i / 8] |= (byte)(_bits[i] ? 1 << (i % 8) : 0);
            }

            return bytes;
        }
    }
}
