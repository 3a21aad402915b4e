using System.Buffers.Binary;
using System.Text;
using Mica.Layers;
using static Mica.Tests.Layers.Tar;
using static Mica.Tests.Layers.TarReading;

namespace Mica.Tests.Layers;

public sealed class TarReaderTests
{
    [Fact]
    public void ReadNext_PlainTree_GivesEveryEntryAndItsContent()
    {
        byte[] archive = Tar.Of(
            Dir("etc", mode: 0x1c0), File("etc/a", "hello", uid: 1000, gid: 100), Symlink("b", "/etc/a"), Hard("c", "etc/a"),
            Fifo("p"), CharDevice("n", 1, 3), BlockDevice("d", 8, 0), Whiteout("x/y"), Opaque("o"));

        string[] expected =
        [
            "d 700 0:0 1704164645 etc",
            "- 644 1000:100 1704164645 etc/a 5 hello",
            "l 777 0:0 1704164645 b -> /etc/a",
            "h 644 0:0 1704164645 c -> etc/a",
            "p 644 0:0 1704164645 p",
            "c 666 0:0 1704164645 n 1,3",
            "b 660 0:0 1704164645 d 8,0",
            "- 0 0:0 1704164645 x/.wh.y 0 ",
            "- 0 0:0 1704164645 o/.wh..wh..opq 0 ",
        ];
        Assert.Equal(expected, ReadAll(archive).Select(each => Line(each.Entry, each.Content)));
        foreach (int chunk in new[] { 1, 7, 512, 1000, 5000 })
        {
            Assert.Equal(expected, ReadAll(archive, chunk).Select(each => Line(each.Entry, each.Content)));
        }
    }

    [Fact]
    public void ReadNext_ContentNotRead_IsSkipped()
    {
        byte[] archive = Tar.Of(File("a", new byte[700_000]), File("b", "x"), File("c", new byte[10]));
        foreach (TarReader reader in new[]
        {
            new TarReader(new MemoryStream(archive)), new TarReader(Chunks(archive, 700)),
            new TarReader(new CompressionSamples.GrudgingStream(archive, 999)),
        })
        {
            Assert.Equal("a", reader.ReadNext()!.Path.ToString());
            Assert.Equal(512, reader.Position);
            Assert.True(reader.TryReadContent(out _, out _));
            Assert.Equal("b", reader.ReadNext()!.Path.ToString());
            Assert.Equal("c", reader.ReadNext()!.Path.ToString());
            Assert.Null(reader.ReadNext());
            Assert.Null(reader.ReadNext());
            Assert.False(reader.TryReadContent(out _, out _));
        }
    }

    [Fact]
    public void ReadNext_PositionOfContent_IsWhereItIs()
    {
        byte[] archive = Tar.Of(File("a", "first"), Pax(("path", "other")), Raw("b", content: "second"u8.ToArray()));
        var reader = new TarReader(new MemoryStream(archive));

        reader.ReadNext();
        Assert.Equal("first"u8, archive.AsSpan((int)reader.Position, 5));
        reader.ReadNext();
        Assert.Equal("second"u8, archive.AsSpan((int)reader.Position, 6));
    }

    [Theory]
    [InlineData("v7", "")]
    [InlineData("ustar", "ustar\0" + "00")]
    [InlineData("gnu", "ustar  \0")]
    public void ReadNext_EveryDialect_IsRead(string name, string magic)
    {
        TarEntry entry = ReadOne(Raw(name, mode: "0100755", uid: "0001750", gid: "0000144 ", magic: magic, content: [1, 2]));

        Assert.Equal((name, 0x1ed, 1000u, 100u, 2L), (entry.Path.ToString(), entry.Mode, entry.Uid, entry.Gid, entry.Size));
    }

    [Fact]
    public void ReadNext_UstarPrefix_IsInFrontOfTheName()
    {
        Assert.Equal("a/b/c", ReadOne(Raw("c", prefix: "a/b")).Path.ToString());
        Assert.Equal($"{new string('p', 155)}/{new string('n', 100)}", ReadOne(Raw(new string('n', 100), prefix: new string('p', 155))).Path.ToString(), StringComparer.Ordinal);
    }

    [Fact]
    public void ReadNext_GnuHeader_HasTimesWhereUstarHasAPrefix()
    {
        TarEntry entry = ReadOne(Raw("c", magic: "ustar  \0", prefix: "00000000144\0" + "00000000145"));

        Assert.Equal("c", entry.Path.ToString());
        Assert.Equal((new UnixTime(100, 0), new UnixTime(101, 0)), (entry.AccessTime, entry.ChangeTime));
    }

    [Fact]
    public void ReadNext_StarHeader_HasAShortPrefixAndTimes()
    {
        TarEntry entry = ReadOne(Raw("c", prefix: "p", change: block =>
        {
            "00000000144\0"u8.CopyTo(block.AsSpan(476));
            "tar\0"u8.CopyTo(block.AsSpan(508));
        }));

        Assert.Equal("p/c", entry.Path.ToString());
        Assert.Equal(new UnixTime(100, 0), entry.AccessTime);
    }

    [Theory]
    [InlineData('\0')]
    [InlineData('0')]
    [InlineData('7')]
    public void ReadNext_OldFileWithSlashAtTheEnd_IsADirectory(char type)
    {
        List<(TarEntry Entry, byte[] Content)> read = ReadAll(Tar.Of(Raw("dir/", type, content: [1]), Raw("file", type, content: [2])));

        Assert.Equal([TarEntryKind.Directory, TarEntryKind.File], read.Select(each => each.Entry.Kind));
        Assert.Equal([0L, 1L], read.Select(each => each.Entry.Size));
    }

    [Theory]
    [InlineData('1')]
    [InlineData('2')]
    [InlineData('3')]
    [InlineData('4')]
    [InlineData('5')]
    [InlineData('6')]
    public void ReadNext_SizeOfWhatHasNoData_IsIgnored(char type)
    {
        List<(TarEntry Entry, byte[] Content)> read = ReadAll(Tar.Of(
            Raw("x", type, link: "y", size: "00000001000", major: "1", minor: "2"), File("next", "content")));

        Assert.Equal(0, read[0].Entry.Size);
        Assert.Equal("content"u8, read[1].Content);
    }

    [Theory]
    [InlineData('V')]
    [InlineData('M')]
    [InlineData('D')]
    [InlineData('X')]
    [InlineData('?')]
    public void ReadNext_UnknownType_IsSkippedWithItsData(char type)
    {
        List<(TarEntry Entry, byte[] Content)> read = ReadAll(Tar.Of(
            Pax(("path", "unknown's")), Raw("x", type, content: new byte[1000]), File("next", "content")));

        Assert.Equal("next", Assert.Single(read).Entry.Path.ToString());
    }

    [Theory]
    [InlineData("0000755", 0x1ed)]
    [InlineData("   755 ", 0x1ed)]
    [InlineData("755\0junk", 0x1ed)]
    [InlineData("", 0)]
    [InlineData("0104755", 0x9ed)]
    [InlineData("07777\0", 0xfff)]
    public void ReadNext_ModeField_IsReadAsWritten(string field, int mode)
    {
        Assert.Equal(mode, ReadOne(Raw("a", mode: field)).Mode);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(8_589_934_592L)]
    [InlineData(-1L)]
    [InlineData(-62_135_596_800L)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void ReadNext_Base256Time_IsRead(long seconds)
    {
        TarEntry entry = ReadOne(Raw("a", change: block =>
        {
            block.AsSpan(136, 4).Fill((byte)(seconds < 0 ? 0xff : 0));
            BinaryPrimitives.WriteInt64BigEndian(block.AsSpan(140), seconds);
            block[136] |= 0x80;
        }));

        Assert.Equal(new UnixTime(seconds, 0), entry.ModificationTime);
    }

    [Fact]
    public void ReadNext_Base256Owner_IsRead()
    {
        TarEntry entry = ReadOne(Raw("a", uid: "\u0080\0\0\0\u00ff\u00ff\u00ff\u00fe", gid: "\u0080\0\0\0\0\u002d\u00c6\u00c0"));

        Assert.Equal((4294967294u, 3_000_000u), (entry.Uid, entry.Gid));
    }

    [Fact]
    public void ReadNext_SignedChecksum_IsAccepted()
    {
        byte[] block = Raw("caf\u00e9\u00e9").Bytes;
        int unsigned = Convert.ToInt32(Encoding.ASCII.GetString(block, 148, 6), 8);

        Assert.Equal("caf\\xe9\\xe9", ReadOne(Raw("caf\u00e9\u00e9", checksum: Convert.ToString(unsigned - 512, 8).PadLeft(6, '0') + "\0 ")).Path.ToString());
    }

    [Fact]
    public void ReadNext_GnuLongNames_ReplaceTheHeaders()
    {
        string path = string.Concat(Enumerable.Repeat("directory/", 30)) + "\u00ff";
        string link = new('l', 4000);

        TarEntry entry = ReadOne(
            Raw("././@LongLink", 'K', content: Encoding.Latin1.GetBytes(link + "\0")),
            Raw("././@LongLink", 'L', content: Encoding.Latin1.GetBytes(path + "\0")),
            Raw("short", '2', link: "short"));

        Assert.Equal(Encoding.Latin1.GetBytes(path), entry.Path.Bytes);
        Assert.Equal(4000, entry.LinkTarget.Length);
    }

    [Fact]
    public void ReadNext_LongestPath_IsRead()
    {
        Assert.Equal(4096, ReadOne(Pax(("path", new string('p', 4096))), Raw("a")).Path.Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(20)]
    public void ReadNext_ZeroBlocks_EndTheArchive(int blocks)
    {
        Assert.Equal("a", Assert.Single(ReadAll([.. Tar.WithoutEnd(File("a")), .. new byte[512 * blocks]])).Entry.Path.ToString());
    }

    [Fact]
    public void ReadNext_EndRightAfterAnEntryOrNothingAtAll_IsTheEnd()
    {
        Assert.Single(ReadAll(Tar.WithoutEnd(File("a", "x"))));
        Assert.Empty(ReadAll([]));
    }

    [Fact]
    public void ReadNext_BehindTheEnd_NothingIsRead()
    {
        byte[] archive = [.. Tar.Of(File("a")), .. Tar.Of(File("b"))];

        var reader = new TarReader(new MemoryStream(archive));

        Assert.Equal("a", reader.ReadNext()!.Path.ToString());
        Assert.Null(reader.ReadNext());
        Assert.Null(reader.ReadNext());
    }

    [Fact]
    public void ReadNext_PlainHeaders_AllocatesLittle()
    {
        byte[] archive = Tar.Of([.. Enumerable.Range(0, 2000).Select(i => File($"usr/share/doc/package/file-{i:d5}", "x"))]);
        ReadAll(archive);
        var reader = new TarReader(Chunks(archive, archive.Length));
        reader.ReadNext();

        long before = GC.GetAllocatedBytesForCurrentThread();
        int count = 0;
        while (reader.ReadNext() is not null)
        {
            while (reader.TryReadContent(out _, out _))
            {
            }

            count++;
        }

        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / count, 0, 260);
    }
}
