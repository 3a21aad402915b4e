using Mica.Layers;
using static Mica.Tests.Layers.Tar;
using static Mica.Tests.Layers.TarReading;

namespace Mica.Tests.Layers;

public sealed class TarPaxTests
{
    [Fact]
    public void ReadNext_PaxRecords_OverrideTheHeader()
    {
        TarEntry entry = ReadOne(
            Pax(("path", "long/path"), ("linkpath", "long/link"), ("uid", "4294967294"), ("gid", "3000000"), ("mtime", "1.5"),
                ("atime", "2"), ("ctime", "-3.000000001"), ("uname", "u"), ("gname", "g"), ("comment", "no"), ("VENDOR.key", "ignored")),
            Raw("short", '2', link: "other"));

        Assert.Equal("l 644 4294967294:3000000 1+500000000ns long/path -> long/link", Line(entry, []));
        Assert.Equal((new UnixTime(2, 0), new UnixTime(-4, 999_999_999)), (entry.AccessTime, entry.ChangeTime));
    }

    [Fact]
    public void ReadNext_PaxSize_OverridesTheHeaders()
    {
        (TarEntry entry, byte[] content) = ReadAll(Tar.Of(Pax(("size", "3")), Raw("a", size: "00000000000", content: [1, 2, 3]), File("b")))[0];

        Assert.Equal(3, entry.Size);
        Assert.Equal([1, 2, 3], content);
    }

    [Fact]
    public void ReadNext_HeaderFieldBlankBesidePax_IsAccepted()
    {
        Assert.Equal(8_000_000_000, ReadOne(Pax(("mtime", "8000000000"), ("uid", "1"), ("gid", "2")), Raw("a", mtime: "", uid: "", gid: "")).ModificationTime.Seconds);
    }

    [Theory]
    [InlineData("0", 0, 0)]
    [InlineData("1700000000.123456789", 1_700_000_000, 123_456_789)]
    [InlineData("1.1", 1, 100_000_000)]
    [InlineData("1.0000000019", 1, 1)]
    [InlineData("1.", 1, 0)]
    [InlineData("-1", -1, 0)]
    [InlineData("-0.25", -1, 750_000_000)]
    [InlineData("-1.5", -2, 500_000_000)]
    [InlineData("-313359294.75", -313_359_295, 250_000_000)]
    [InlineData("9223372036854775807", long.MaxValue, 0)]
    public void ReadNext_Times_KeepNanosecondsAndSign(string text, long seconds, int nanoseconds)
    {
        Assert.Equal(new UnixTime(seconds, nanoseconds), ReadOne(Pax(("mtime", text)), Raw("a")).ModificationTime);
    }

    [Theory]
    [InlineData("mtime", "x")]
    [InlineData("mtime", "1e9")]
    [InlineData("mtime", "1.5.5")]
    [InlineData("mtime", "1,5")]
    [InlineData("mtime", ".5")]
    [InlineData("mtime", "+1")]
    [InlineData("mtime", "--1")]
    [InlineData("mtime", "9223372036854775808")]
    [InlineData("uid", "-1")]
    [InlineData("uid", "4294967295")]
    [InlineData("gid", "1 ")]
    [InlineData("gid", "0x10")]
    [InlineData("size", "1.0")]
    [InlineData("size", "99999999999999999999")]
    public void ReadNext_MalformedNumber_IsRefusedByName(string key, string value)
    {
        Assert.Equal($"tar: malformed pax {key}: \"{value}\"", Fails(Pax((key, value)), Raw("a")).Message);
    }

    [Fact]
    public void ReadNext_KeyTwice_LastWins()
    {
        TarEntry entry = ReadOne(
            Pax(("path", "first"), ("SCHILY.xattr.user.a", "1"), ("path", "second"), ("SCHILY.xattr.user.a", "2")), Raw("a"));

        Assert.Equal("second", entry.Path.ToString());
        Assert.Equal("2"u8, Assert.Single(entry.Xattrs).Value);
    }

    [Fact]
    public void ReadNext_EmptyValue_TakesTheKeyBack()
    {
        TarEntry entry = ReadOne(
            GlobalPax(("gid", "5"), ("mtime", "9")), Pax(("path", "p"), ("path", ""), ("gid", "")), Raw("a", gid: "0000007"));

        Assert.Equal(("a", 7u, 9L), (entry.Path.ToString(), entry.Gid, entry.ModificationTime.Seconds));
    }

    [Fact]
    public void ReadNext_GlobalHeader_IsForAllThatFollowAndLocalOverrides()
    {
        List<(TarEntry Entry, byte[] Content)> read = ReadAll(Tar.Of(
            Raw("before", uid: "0000001"),
            GlobalPax(("uid", "10"), ("mtime", "100.5"), ("SCHILY.xattr.user.g", "g"), ("comment", "c")),
            Raw("first"), Pax(("uid", "20"), ("SCHILY.xattr.user.l", "l")), Raw("second"), Raw("third"),
            GlobalPax(("uid", "30")), Raw("fourth"), GlobalPax(("uid", "")), Raw("fifth", uid: "0000002")));

        Assert.Equal([1u, 10u, 20u, 10u, 30u, 2u], read.Select(each => each.Entry.Uid));
        Assert.Equal([0, 1, 2, 1, 1, 1], read.Select(each => each.Entry.Xattrs.Count));
        Assert.All(read.Skip(1), each => Assert.Equal(new UnixTime(100, 500_000_000), each.Entry.ModificationTime));
    }

    [Theory]
    [InlineData("path")]
    [InlineData("linkpath")]
    [InlineData("size")]
    [InlineData("GNU.sparse.realsize")]
    public void ReadNext_GlobalHeaderWithWhatOneEntryHas_IsRefused(string key)
    {
        Assert.Contains($"a global pax header sets {key}", Fails(GlobalPax((key, "1")), Raw("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_Xattrs_AreBytes()
    {
        TarEntry entry = ReadOne(
            Pax(("SCHILY.xattr.security.capability", "\x01\0\0\x02\u00ff"), ("SCHILY.xattr.user.empty", ""), ("SCHILY.xattr.user.lines", "a=b\nc\n")),
            Raw("a"));

        Assert.Equal("security.capability=01000002ff user.empty= user.lines=613d620a630a",
            string.Join(' ', entry.Xattrs.Select(xattr => $"{xattr.Name}={Convert.ToHexStringLower(xattr.Value)}")));
    }

    [Theory]
    [InlineData("user.a%3Db%25", "aGVsbG8", "user.a=b%", "hello")]
    [InlineData("user.a", "aGVsbG8=", "user.a", "hello")]
    [InlineData("user.%", "", "user.%", "")]
    [InlineData("user.%zz", "eA", "user.%zz", "x")]
    [InlineData("user.caf%C3%A9", "eHk", "user.café", "xy")]
    public void ReadNext_LibarchiveXattr_IsDecoded(string escaped, string base64, string name, string value)
    {
        Xattr xattr = Assert.Single(ReadOne(Pax(("LIBARCHIVE.xattr." + escaped, base64)), Raw("a")).Xattrs);

        Assert.Equal(name, xattr.Name);
        Assert.Equal(value, System.Text.Encoding.UTF8.GetString(xattr.Value));
    }

    [Theory]
    [InlineData("LIBARCHIVE.xattr.user.a", "a?b")]
    [InlineData("LIBARCHIVE.xattr.user.a", "a")]
    [InlineData("LIBARCHIVE.xattr.user.%00", "eA")]
    [InlineData("SCHILY.xattr.", "x")]
    [InlineData("LIBARCHIVE.xattr.user.%ff", "eA")]
    public void ReadNext_MalformedXattr_IsRefused(string key, string value)
    {
        Assert.Contains("malformed", Fails(Pax((key, value)), Raw("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadNext_XattrsBeyondWhatLinuxTakes_AreRefused()
    {
        Fails(Pax(("SCHILY.xattr.user." + new string('n', 251), "x")), Raw("a"));
        Fails(Pax(("SCHILY.xattr.user.big", new string('v', 65_537))), Raw("a"));
        Fails(Pax([.. Enumerable.Range(0, 1025).Select(i => ($"SCHILY.xattr.user.{i}", "x"))]), Raw("a"));
        Assert.Equal(1024, ReadOne(Pax([.. Enumerable.Range(0, 1024).Select(i => ($"SCHILY.xattr.user.{i}", "x"))]), Raw("a")).Xattrs.Count);
    }

    [Theory]
    [InlineData("5 a=\n", true)]
    [InlineData("10 abc=de\n", true)]
    [InlineData("4 a=\n", false)]
    [InlineData("6 a=\n", false)]
    [InlineData("5 =a\n", false)]
    [InlineData("5 ab\n", false)]
    [InlineData("5 a= ", false)]
    [InlineData("05 a=\n", false)]
    [InlineData("-5 a=\n", false)]
    [InlineData("99999999999999999999 a=\n", false)]
    [InlineData("5_a=\n", false)]
    [InlineData("6 a\0=\n", false)]
    [InlineData("5 a=\n\0", false)]
    [InlineData("\n", false)]
    [InlineData("5", false)]
    [InlineData("2 ", false)]
    [InlineData("3 \n", false)]
    public void ReadNext_RecordFraming_IsChecked(string body, bool valid)
    {
        Member pax = Raw("x", 'x', content: System.Text.Encoding.Latin1.GetBytes(body));
        if (valid)
        {
            Assert.Equal("a", ReadOne(pax, Raw("a")).Path.ToString());
        }
        else
        {
            Assert.Equal("tar: a pax header has a malformed record", Fails(pax, Raw("a")).Message);
        }
    }

    [Fact]
    public void ReadNext_NameNotUtf8_KeepsItsBytes()
    {
        TarEntry entry = ReadOne(Pax(("hdrcharset", "BINARY"), ("path", "caf\u00e9")), Raw("cafe"));

        Assert.Equal(new LinuxPath([(byte)'c', (byte)'a', (byte)'f', 0xe9]), entry.Path);
    }
}
