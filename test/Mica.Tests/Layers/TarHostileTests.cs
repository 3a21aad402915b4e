using System.Text;
using Mica.Layers;
using Mica.Oci;
using static Mica.Tests.Layers.Tar;
using static Mica.Tests.Layers.TarReading;

namespace Mica.Tests.Layers;

/// <summary>Archives that no honest tool makes. Each is refused with one line that says what is wrong, and where.</summary>
public sealed class TarHostileTests
{
    [Fact]
    public void ReadNext_CutAnywhere_SaysTruncated()
    {
        byte[] archive = Tar.WithoutEnd(Pax(("path", "p")), Raw("a", content: new byte[600]), File("b", "x"), Dir("c"));
        int[] ends = [0, 2560, 3584, 4096];
        Assert.Equal(archive.Length, ends[^1]);
        foreach (int length in Enumerable.Range(0, archive.Length).Where(length => length % 512 is < 3 or > 509 || length % 31 == 0).Except(ends))
        {
            MicaException error = Assert.Throws<MicaException>(() => ReadAll(archive[..length]));

            Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
            Assert.Matches("truncated|ends after an extended header", error.Message);
            Assert.Matches("truncated|ends after an extended header", Assert.Throws<MicaException>(() => ReadAll(archive[..length], chunk: 100)).Message);
        }
    }

    [Fact]
    public void ReadNext_SkippedContentIsCut_SaysTruncated()
    {
        byte[] archive = Tar.Of(File("a", new byte[900_000]));
        foreach (int length in new[] { 513, 300_000, 899_999, 900_511, 900_608 - 1 })
        {
            var reader = new TarReader(new MemoryStream(archive[..length]));
            reader.ReadNext();

            Assert.Contains("truncated", Assert.Throws<MicaException>(() => reader.ReadNext()).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ReadNext_WrongChecksum_IsRefusedWithItsPlace()
    {
        Assert.Equal("tar: the header at byte 512 has a wrong checksum", Fails(File("a"), Raw("b", checksum: "000000\0 ")).Message);
        Assert.Equal("tar: the header at byte 0 has a wrong checksum", Fails(Raw("b", checksum: "12x456\0 ")).Message);
    }

    [Fact]
    public void ReadNext_EntriesBehindALoneZeroBlock_AreRefused()
    {
        Assert.Contains("lone zero block", Fails([.. Tar.WithoutEnd(File("a")), .. new byte[512], .. Tar.Of(File("hidden"))]).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mode", "9")]
    [InlineData("mode", "7 7")]
    [InlineData("mode", "-1")]
    [InlineData("uid", "8")]
    [InlineData("gid", "0x1")]
    [InlineData("size", "00000000008")]
    [InlineData("mtime", "1.5")]
    public void ReadNext_MalformedNumber_IsRefused(string field, string text)
    {
        Member member = field switch
        {
            "mode" => Raw("a", mode: text),
            "uid" => Raw("a", uid: text),
            "gid" => Raw("a", gid: text),
            "size" => Raw("a", size: text),
            _ => Raw("a", mtime: text),
        };

        Assert.Equal($"tar: a header has a malformed {field} (entry a)", Fails(member).Message);
    }

    [Fact]
    public void ReadNext_NumbersBeyondWhatLinuxTakes_AreRefused()
    {
        Assert.Contains("the uid -1 is out of range", Fails(Raw("a", uid: "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff")).Message, StringComparison.Ordinal);
        Assert.Contains("the gid 4294967295 is out of range", Fails(Raw("a", gid: "\u0080\0\0\0\u00ff\u00ff\u00ff\u00ff")).Message, StringComparison.Ordinal);
        Assert.Contains("the device major number 4096 is out of range", Fails(Raw("a", '3', major: "0010000")).Message, StringComparison.Ordinal);
        Assert.Contains("the device minor number 1048576 is out of range", Fails(Raw("a", '4', minor: "4000000")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\u0080\0\0\0\u007f\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff")]
    [InlineData("\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff")]
    [InlineData("\u0080\0\0\u0001\0\0\0\0\0\0\0\0")]
    [InlineData("\u0081\0\0\0\0\0\0\0\0\0\0\0")]
    [InlineData("\u0080\0\0\0\u0080\0\0\0\0\0\0\0")]
    public void ReadNext_SizeOutOfRange_IsRefused(string size)
    {
        Assert.Contains("size", Fails(Raw("a", size: size)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_HugeSize_DoesNotOverflow()
    {
        Assert.Contains("truncated", Fails(Pax(("size", "2305843009213693951")), Raw("a"), File("b")).Message, StringComparison.Ordinal);
        Assert.Contains("out of range", Fails(Pax(("size", "9223372036854775807")), Raw("a")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("path")]
    [InlineData("linkpath")]
    [InlineData("GNU.sparse.name")]
    public void ReadNext_NulInAPaxName_IsRefused(string key)
    {
        Assert.Contains($"pax {key} \"a\\x00b\" has a NUL in it", Fails(Pax((key, "a\0b")), Raw("x", '2', link: "y")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_NulInAGnuName_IsRefused()
    {
        Assert.Contains("has a NUL", Fails(Raw("L", 'L', content: "a\0b\0"u8.ToArray()), Raw("x")).Message, StringComparison.Ordinal);
        Assert.Contains("has a NUL", Fails(Raw("K", 'K', content: "a\0b\0"u8.ToArray()), Raw("x", '2')).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_PathOrTargetTooLongOrEmpty_IsRefused()
    {
        Assert.Contains("a path has 4097 bytes", Fails(Pax(("path", new string('p', 4097))), Raw("a")).Message, StringComparison.Ordinal);
        Assert.Contains("a link target has 5000 bytes", Fails(Pax(("linkpath", new string('p', 5000))), Raw("a", '1')).Message, StringComparison.Ordinal);
        Assert.Contains("an entry has an empty path", Fails(Raw("")).Message, StringComparison.Ordinal);
        Assert.Contains("an entry has an empty link target (entry a)", Fails(Raw("a", '2')).Message, StringComparison.Ordinal);
        Assert.Contains("an entry has an empty link target (entry a)", Fails(Raw("a", '1')).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_ExtendedHeaderTooBig_IsRefusedBeforeItIsRead()
    {
        // The sizes are lies: a reader that allocated first would take gigabytes.
        Assert.Contains("at most 1048576 are read", Fails(Raw("x", 'x', size: "77777777777")).Message, StringComparison.Ordinal);
        Assert.Contains("at most 1048576 are read", Fails(Raw("x", 'g', size: "77777777777")).Message, StringComparison.Ordinal);
        Assert.Contains("at most 65536 are read", Fails(Raw("x", 'L', size: "77777777777")).Message, StringComparison.Ordinal);
        Assert.Contains("at most 65536 are read", Fails(Raw("x", 'K', size: "00000200001")).Message, StringComparison.Ordinal);
        Assert.Contains("-1 bytes", Fails(Raw("x", 'x', size: "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_ExtendedHeadersWithoutEnd_AreBounded()
    {
        Member big = Pax(("comment", new string('c', 400_000)));

        Assert.Contains("a pax header has", Fails(big, big, big, Raw("a")).Message, StringComparison.Ordinal);
        Member global = GlobalPax([.. Enumerable.Range(0, 8).Select(i => ($"SCHILY.xattr.user.{i}", new string('v', 60_000)))]);
        Assert.Contains("a global pax header has", Fails(global, global, global, Raw("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_ManyGlobalHeaders_AreReadInSteadyMemory()
    {
        byte[] archive = Tar.Of([.. Enumerable.Range(0, 3000).Select(i => GlobalPax(("uid", $"{i}"), ($"comment{i}", "x"))), Raw("a")]);

        Assert.Equal(2999u, Assert.Single(ReadAll(archive)).Entry.Uid);
    }

    [Fact]
    public void ReadNext_NothingBehindAnExtendedHeader_IsRefused()
    {
        const string Message = "tar: the archive ends after an extended header, before its entry";

        Assert.Equal(Message, Fails(Tar.WithoutEnd(Pax(("path", "p")))).Message);
        Assert.Equal(Message, Fails(Tar.WithoutEnd(Raw("x", 'L', content: "a"u8.ToArray()))).Message);
        Assert.Equal(Message, Fails(Pax(("path", "p"))).Message);
        Assert.Empty(ReadAll(Tar.Of(GlobalPax(("uid", "1")))));
    }

    [Fact]
    public void ReadNext_SourceFails_ItsErrorComesThroughAsItIs()
    {
        byte[] archive = Tar.Of(File("a", new byte[2000]));
        Func<ReadOnlyMemory<byte>> chunks = Chunks(archive, 512);
        int calls = 0;
        var failure = new DigestMismatchException(Digest.Of([1]), Digest.Of([2]));
        var reader = new TarReader(() => calls++ < 2 ? chunks() : throw failure);
        reader.ReadNext();

        Assert.Same(failure, Assert.Throws<DigestMismatchException>(() => reader.ReadNext()));
    }

    [Fact]
    public void ReadNext_HostileName_IsPrintedSafely()
    {
        Assert.Equal("tar: a header has a malformed mode (entry \\x1b[2J\\x0a\\xff)", Fails(Raw("\x1b[2J\n\u00ff", mode: "9")).Message);
    }

    [Fact]
    public void ReadNext_RandomBytes_OnlyEverGiveOneKindOfError()
    {
        var random = new Random(7);
        for (int i = 0; i < 300; i++)
        {
            byte[] bytes = new byte[random.Next(4000)];
            random.NextBytes(bytes);

            MicaException? error = Record.Exception(() => ReadAll(bytes)) as MicaException;

            Assert.True(bytes.Length == 0 || error is { Kind: ErrorKind.ContentMismatch }, Encoding.Latin1.GetString(bytes));
        }
    }
}
