using System.Text;
using Mica.Layers;
using static Mica.Tests.Layers.Tar;
using static Mica.Tests.Layers.TarReading;

namespace Mica.Tests.Layers;

public sealed class TarSparseTests
{
    private const string Bad = "tar: the map of a sparse file is malformed";

    [Fact]
    public void TryReadContent_Sparse_GivesPiecesAtTheirOffsets()
    {
        var reader = new TarReader(Chunks(Tar.Of(Sparse01("100,2,200,3,900,0", 1000, "abcde")), 512));
        TarEntry entry = reader.ReadNext()!;

        Assert.Equal(1000, entry.Size);
        Assert.Equal([new SparseSegment(100, 2), new SparseSegment(200, 3)], entry.Segments);
        Assert.True(reader.TryReadContent(out ReadOnlySpan<byte> piece, out long offset));
        Assert.Equal(("ab", 100L), (Encoding.ASCII.GetString(piece), offset));
        Assert.True(reader.TryReadContent(out piece, out offset));
        Assert.Equal(("cde", 200L), (Encoding.ASCII.GetString(piece), offset));
        Assert.False(reader.TryReadContent(out _, out _));
        Assert.Null(reader.ReadNext());
    }

    [Fact]
    public void ReadNext_SparseContentNotRead_IsSkipped()
    {
        byte[] archive = Tar.Of(Sparse01("0,600,1000,600", 2000, new string('x', 1200)), File("next"));
        var reader = new TarReader(new MemoryStream(archive));
        reader.ReadNext();
        reader.TryReadContent(out _, out _);

        Assert.Equal("next", reader.ReadNext()!.Path.ToString());
    }

    [Fact]
    public void ReadNext_NameOfASparseFile_IsTheRealOne()
    {
        TarEntry entry = ReadOne(Pax(("GNU.sparse.map", "0,1"), ("GNU.sparse.size", "1"), ("GNU.sparse.name", "real")), Raw("GNUSparseFile.1/real", content: [1]));

        Assert.Equal("real", entry.Path.ToString());
    }

    [Theory]
    [InlineData("0,2", 2, "ab")]
    [InlineData("0,2,2,1", 3, "abc")]
    [InlineData("5,0", 5, "")]
    [InlineData("", 7, "")]
    [InlineData("0,0,0,0,3,2,5,0", 5, "ab")]
    public void ReadNext_ValidMap_IsAccepted(string map, long size, string content)
    {
        (TarEntry entry, byte[] read) = ReadAll(Tar.Of(Sparse01(map, size, content)))[0];

        Assert.Equal(size, entry.Size);
        Assert.Equal(content.Length, read.Count(one => one != 0));
    }

    [Theory]
    [InlineData("0,2", 1, "ab")]            // beyond the end
    [InlineData("0,2", 2, "abc")]           // more data than the map has
    [InlineData("0,3", 3, "ab")]            // less
    [InlineData("1,2,2,1", 5, "abc")]       // overlap
    [InlineData("3,1,1,1", 5, "ab")]        // out of order
    [InlineData("3", 5, "")]                // half a pair
    [InlineData("9223372036854775807,9223372036854775807", 5, "")]
    [InlineData("0,9223372036854775807,9223372036854775807,2", 9223372036854775807, "")]
    public void ReadNext_MapThatLies_IsRefused(string map, long size, string content)
    {
        Assert.StartsWith(Bad, Fails(Sparse01(map, size, content)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_MapWithManyPieces_IsBounded()
    {
        string map = string.Join(',', Enumerable.Range(0, 70_000).Select(i => $"{i},0"));

        Assert.Contains("more than 65536 pieces", Fails(Sparse01(map, 70_000, "")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_Version00_PairsOffsetsAndLengths()
    {
        (TarEntry entry, byte[] content) = ReadAll(Tar.Of(
            Pax(("GNU.sparse.size", "10"), ("GNU.sparse.numblocks", "2"), ("GNU.sparse.offset", "1"), ("GNU.sparse.numbytes", "1"),
                ("GNU.sparse.offset", "8"), ("GNU.sparse.numbytes", "2")),
            Raw("a", content: "xyz"u8.ToArray())))[0];

        Assert.Equal("\0x\0\0\0\0\0\0yz"u8, content);
        Assert.Equal(2, entry.Segments!.Count);
        Assert.StartsWith(Bad, Fails(Pax(("GNU.sparse.size", "10"), ("GNU.sparse.numbytes", "1")), Raw("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_NoRealSize_IsRefused()
    {
        Assert.StartsWith(Bad, Fails(Pax(("GNU.sparse.map", "0,1")), Raw("a", content: [1])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2\n0\n1\n600\n2\n", "abc", true)]
    [InlineData("0\n", "", true)]
    [InlineData("1\n5\n0\n", "", true)]
    [InlineData("1\n0\n", "", false)]
    [InlineData("x\n", "", false)]
    [InlineData("-1\n", "", false)]
    [InlineData("\n", "", false)]
    [InlineData("99999999999999999999999\n", "", false)]
    [InlineData("9223372036854775807\n", "", false)]
    [InlineData("1\n0\n2\n", "abc", false)]
    public void ReadNext_Version10_ReadsTheMapInFrontOfTheData(string map, string content, bool valid)
    {
        byte[] padded = Encoding.ASCII.GetBytes(map.PadRight(512, '\0') + content);
        Member[] members = [Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "1000")), Raw("a", content: padded), File("next")];
        if (valid)
        {
            List<(TarEntry Entry, byte[] Content)> read = ReadAll(Tar.Of(members));
            Assert.Equal(content.Length, read[0].Content.Count(one => one != 0));
            Assert.Equal("next", read[1].Entry.Path.ToString());
        }
        else
        {
            Assert.StartsWith(Bad, Fails(members).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ReadNext_Version10MapLongerThanABlock_IsRead()
    {
        string map = "100\n" + string.Concat(Enumerable.Range(0, 100).Select(i => $"{i * 1000}\n1\n"));
        byte[] padded = Encoding.ASCII.GetBytes(map.PadRight((map.Length + 511) & ~511, '\0') + new string('x', 100));

        (TarEntry entry, byte[] content) = ReadAll(
            Tar.Of(Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "99001")), Raw("a", content: padded)), chunk: 300)[0];

        Assert.Equal(100, entry.Segments!.Count);
        Assert.All(entry.Segments, segment => Assert.Equal((byte)'x', content[segment.Offset]));
    }

    [Fact]
    public void ReadNext_UnknownVersion_IsUnsupported()
    {
        Assert.Contains("sparse files of version 2.3 are not supported",
            Fails(Pax(("GNU.sparse.major", "2"), ("GNU.sparse.minor", "3"), ("GNU.sparse.map", "0,0"), ("GNU.sparse.size", "1")), Raw("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_OldGnuMapGoesOnWithoutEnd_IsBounded()
    {
        byte[] extension = new byte[512];
        for (int slot = 0; slot < 21; slot++)
        {
            "00000000000\0"u8.CopyTo(extension.AsSpan(slot * 24));
            "00000000000\0"u8.CopyTo(extension.AsSpan((slot * 24) + 12));
        }

        extension[504] = 1;
        Member header = Raw("a", 'S', magic: "ustar  \0", change: block =>
        {
            extension.AsSpan(0, 96).CopyTo(block.AsSpan(386));
            block[482] = 1;
        });

        Assert.Contains("more than 65536 pieces", Fails(header, new Member([.. Enumerable.Repeat(extension, 4000).SelectMany(block => block)])).Message, StringComparison.Ordinal);
        Assert.Contains("truncated in the map", Fails(Tar.WithoutEnd(header, new Member(extension))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_OldGnuMapThatLies_IsRefused()
    {
        Assert.StartsWith(Bad, Fails(Raw("a", 'S', magic: "ustar  \0", content: [1], change: block =>
        {
            "00000000000\0".CopyToAscii(block, 386);
            "00000000002\0".CopyToAscii(block, 398);
            "00000000005\0".CopyToAscii(block, 483);
        })).Message, StringComparison.Ordinal);
    }

    private static Member Sparse01(string map, long size, string content)
    {
        byte[] pax = Pax(("GNU.sparse.map", map), ("GNU.sparse.size", $"{size}")).Bytes;
        return new Member([.. pax, .. Raw("a", content: Encoding.ASCII.GetBytes(content)).Bytes]);
    }
}

file static class AsciiText
{
    public static void CopyToAscii(this string text, byte[] block, int offset) => Encoding.ASCII.GetBytes(text).CopyTo(block, offset);
}
