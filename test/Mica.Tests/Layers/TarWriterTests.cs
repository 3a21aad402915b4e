using System.Diagnostics;
using System.Text;
using CsCheck;
using Mica.Layers;
using Mica.Oci;
using static Mica.Tests.Layers.TarReading;

namespace Mica.Tests.Layers;

public sealed class TarWriterTests
{
    private static readonly TarEntry s_file = new()
    {
        Kind = TarEntryKind.File,
        Path = new LinuxPath("a"),
        Mode = 0x1a4,
        ModificationTime = new UnixTime(1_700_000_000, 0),
    };

    [Fact]
    public void Write_WhatFitsUstar_HasOneHeaderAndIsPaddedToABlock()
    {
        byte[] archive = Written(s_file with { Size = 3 }, "abc"u8.ToArray());

        Assert.Equal(512 + 512 + 1024, archive.Length);
        Assert.Equal("a", Text(archive, 0, 100));
        Assert.Equal("0000644", Text(archive, 100, 8));
        Assert.Equal("00000000003", Text(archive, 124, 12));
        Assert.Equal("14524770400", Text(archive, 136, 12));
        Assert.Equal("ustar\0" + "00", Encoding.ASCII.GetString(archive, 257, 8));
        Assert.Equal('0', (char)archive[156]);
        Assert.Equal("abc", Text(archive, 512, 512));
    }

    [Theory]
    [InlineData(100, 1)]
    [InlineData(101, 3)]
    public void Write_NameOfOnePart_NeedsPaxBeyond100Bytes(int length, int blocks)
    {
        Assert.Equal(512 * (blocks + 2), Written(s_file with { Path = new LinuxPath(new string('n', length)) }).Length);
    }

    [Theory]
    [InlineData(155, 100, 1)]
    [InlineData(156, 100, 3)]
    [InlineData(155, 101, 3)]
    [InlineData(20, 99, 1)]
    public void Write_NameOfTwoParts_IsSplitWhereItFits(int prefix, int name, int blocks)
    {
        var path = new LinuxPath($"{new string('p', prefix)}/{new string('n', name)}");
        byte[] archive = Written(s_file with { Path = path });

        Assert.Equal(512 * (blocks + 2), archive.Length);
        Assert.Equal(path, ReadAll(archive)[0].Entry.Path);
    }

    [Fact]
    public void Write_MoreThanUstarHolds_GoesIntoSortedPaxRecords()
    {
        byte[] archive = Written(s_file with
        {
            Path = new LinuxPath("dir/caf\u00e9"),
            Uid = 3_000_000,
            Gid = 2_097_152,
            ModificationTime = new UnixTime(-2, 500_000_000),
            AccessTime = new UnixTime(5, 0),
            Xattrs = [new Xattr("user.b", [0, 255]), new Xattr("security.capability", [1])],
        });

        Assert.Equal("dir/PaxHeaders.0/caf", Text(archive, 0, 100));
        Assert.Equal('x', (char)archive[156]);
        int length = Convert.ToInt32(Text(archive, 124, 12), 8);
        Assert.Equal(
            "38 SCHILY.xattr.security.capability=\x01\n26 SCHILY.xattr.user.b=\0\u00ff\n" + "11 atime=5\n" + "15 gid=2097152\n" + "14 mtime=-1.5\n" + "18 path=dir/caf\u00c3\u00a9\n" + "15 uid=3000000\n",
            Encoding.Latin1.GetString(archive, 512, length));
        Assert.Equal("dir/caf", Text(archive, 1024, 100));
        Assert.Equal("00000000000", Text(archive, 1024 + 136, 12));
        Assert.Equal("0000000", Text(archive, 1024 + 108, 8));
    }

    [Fact]
    public void Write_NameNotUtf8_SaysThatItIsBinary()
    {
        byte[] archive = Written(s_file with { Path = new LinuxPath([(byte)'c', 0xe9]) });

        Assert.Contains("21 hdrcharset=BINARY\n", Encoding.Latin1.GetString(archive), StringComparison.Ordinal);
        Assert.Equal(new LinuxPath([(byte)'c', 0xe9]), ReadAll(archive)[0].Entry.Path);
    }

    [Fact]
    public void Write_NameCutBehindASlash_DoesNotLookLikeADirectory()
    {
        byte[] archive = Written(s_file with { Path = new LinuxPath(new string('d', 99) + "/" + new string('n', 120)) });

        Assert.Equal(new string('d', 99), Text(archive, 512 + 512 + (512 * (((Convert.ToInt32(Text(archive, 124, 12), 8) + 511) / 512) - 1)), 100));
    }

    [Fact]
    public void Write_HugeFile_NeedsPaxForItsSize()
    {
        var target = new CountingTarget();
        new TarWriter(target).Write(s_file with { Size = 1L << 33 });
        var last = new CountingTarget();
        new TarWriter(last).Write(s_file with { Size = (1L << 33) - 1 });

        Assert.Equal(3 * 512, target.Count);
        Assert.Equal(512, last.Count);
    }

    [Fact]
    public void Write_StreamOrPieces_GiveTheSameBytes()
    {
        byte[] content = CompressionSamples.Random(300_000, 1);
        TarEntry entry = s_file with { Size = content.Length };
        using var pieces = new MemoryStream();
        var writer = new TarWriter(pieces);
        writer.Write(entry);
        foreach (byte[] piece in content.Chunk(777))
        {
            writer.WriteContent(piece);
        }

        writer.Finish();
        using var stream = new MemoryStream();
        writer = new TarWriter(stream);
        writer.Write(entry, new CompressionSamples.GrudgingStream(content, 1000));
        writer.Finish();

        Assert.Equal(Written(entry, content), pieces.ToArray());
        Assert.Equal(Written(entry, content), stream.ToArray());
    }

    [Fact]
    public void Write_ContentOfAnotherSize_IsRefused()
    {
        Refused("has more content than its size says", writer => writer.Write(s_file with { Size = 2 }, [1, 2, 3]));
        Refused("lacks 2 bytes of its content", writer => writer.Write(s_file with { Size = 2 }, []));
        Refused("lacks 2 bytes of its content", writer =>
        {
            writer.Write(s_file with { Size = 2 });
            writer.Finish();
        });
        Refused("has more content", writer => writer.Write(s_file with { Size = 2 }, new MemoryStream(new byte[9])));
    }

    [Fact]
    public void Write_WhatTarCannotHold_IsRefused()
    {
        Refused("empty path", s_file with { Path = default });
        Refused("NUL in its path", s_file with { Path = new LinuxPath("a\0b") });
        Refused("path of 4097 bytes", s_file with { Path = new LinuxPath(new string('p', 4097)) });
        Refused("empty link target", s_file with { Kind = TarEntryKind.SymbolicLink });
        Refused("has the mode 4096", s_file with { Mode = 0x1000 });
        Refused("owner", s_file with { Uid = uint.MaxValue });
        Refused("has the size -1", s_file with { Size = -1 });
        Refused("has the size 1", s_file with { Kind = TarEntryKind.Directory, Size = 1 });
        Refused("device number", s_file with { Kind = TarEntryKind.BlockDevice, DeviceMajor = 4096 });
        Refused("path ends with a slash", s_file with { Path = new LinuxPath("a/") });
        Refused("bytes of metadata", s_file with { Xattrs = [.. Enumerable.Range(0, 20).Select(i => new Xattr($"user.{i}", new byte[60_000]))] });
        Refused("name of an extended attribute", s_file with { Xattrs = [new Xattr("user.\0", [])] });
        Refused("extended attributes", s_file with { Xattrs = [.. Enumerable.Range(0, 1025).Select(i => new Xattr($"user.{i}", []))] });
        Refused("64 KiB", s_file with { Xattrs = [new Xattr("user.big", new byte[65_537])] });
        Refused("twice", s_file with { Xattrs = [new Xattr("user.a", []), new Xattr("user.a", [])] });
    }

    [Fact]
    public void Write_AnyEntry_ReadsBackAsItWas()
    {
        GenEntry.Sample(
            entry =>
            {
                byte[] content = CompressionSamples.Random((int)entry.Size, 3);
                byte[] archive = Written(entry, content);

                (TarEntry read, byte[] readContent) = Assert.Single(ReadAll(archive));
                Assert.Equal(Describe(entry), Describe(read));
                Assert.Equal(content, readContent);
                Assert.Equal(archive, Written(read, content));
                Assert.Equal(0, archive.Length % 512);
            },
            iter: 2000);
    }

    [Fact]
    public void PaxRecords_AnyKeysAndValues_ReadBackAsTheyWere()
    {
        Gen<(string, byte[])[]> records = Gen.Select(Gen.String[Gen.Char["abcdefgh.XYZ_0123 é"], 1, 120], Gen.Byte.Array[0, 1200]).Array[0, 5];
        records.Sample(
            expected =>
            {
                using var body = new MemoryStream();
                foreach ((string key, byte[] value) in expected)
                {
                    PaxFormat.WriteRecord(body, key, value);
                }

                var read = new PaxRecords(body.ToArray());
                foreach ((string key, byte[] value) in expected)
                {
                    Assert.True(read.MoveNext());
                    Assert.Equal(key, Encoding.UTF8.GetString(read.Key));
                    Assert.Equal(value, read.Value);
                }

                Assert.False(read.MoveNext());
            },
            iter: 2000);
    }

    [Fact]
    public void PaxTimes_AnyTime_ReadsBackAsItWas()
    {
        GenTime.Sample(
            time =>
            {
                Assert.True(PaxNumbers.TryTime(PaxFormat.Time(time), out UnixTime read));
                Assert.Equal(time, read);
            },
            iter: 5000);
    }

    [Fact]
    public void Write_OddEntries_AreReadByGnuTar()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/tar") || File.Exists("/bin/tar"), "needs GNU tar");
        byte[] archive = Written(s_file with
        {
            Path = new LinuxPath(Encoding.Latin1.GetBytes("d/caf\u00e9" + new string('n', 120))),
            Size = 3,
            Uid = 3_000_000,
            ModificationTime = new UnixTime(1_700_000_000, 5),
            Xattrs = [new Xattr("user.a=b", [0, 1, 255])],
        }, "abc"u8.ToArray());

        string listing = RunTar(archive, "--xattrs", "--full-time", "--numeric-owner", "-tvvf", "-");

        Assert.Contains("-rw-r--r--* 3000000/0 3 2023-11-14 22:13:20.000000005 d/caf\\351" + new string('n', 120),
            string.Join(' ', listing.Split(' ', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Contains("user.a=b", listing, StringComparison.Ordinal);
    }

    private static Gen<UnixTime> GenTime => Gen.Select(
        Gen.OneOf(Gen.Long[-1L << 40, 1L << 40], Gen.Long[-3, 3], Gen.Const(long.MaxValue), Gen.Const(-long.MaxValue)),
        Gen.OneOf(Gen.Const(0), Gen.Int[0, 999_999_999]),
        (seconds, nanoseconds) => new UnixTime(seconds, nanoseconds));

    private static Gen<LinuxPath> GenPath => Gen.OneOf(
        Gen.Byte[1, 255].Array[1, 300],
        Gen.Byte[(byte)'a', (byte)'z'].Array[1, 300],
        Gen.Int[1, 60].Array[1, 20].Select(lengths => Encoding.ASCII.GetBytes(string.Join('/', lengths.Select(length => new string('d', length))))))
        .Select(bytes => new LinuxPath([.. bytes, (byte)'e']));

    private static Gen<TarEntry> GenEntry =>
        from kind in Gen.Enum<TarEntryKind>()
        from path in GenPath
        from target in GenPath
        from mode in Gen.Int[0, 0xfff]
        from owner in Gen.Select(Gen.OneOf(Gen.UInt[0, 70_000], Gen.UInt[0, TarEntry.MaxId]), Gen.OneOf(Gen.UInt[0, 70_000], Gen.UInt[0, TarEntry.MaxId]))
        from size in Gen.OneOf(Gen.Int[0, 3], Gen.Int[0, 1500])
        from time in GenTime
        from access in GenTime.Nullable()
        from change in GenTime.Nullable()
        from device in Gen.Select(Gen.Int[0, 0xfff], Gen.Int[0, 0xfffff])
        from xattrs in Gen.Select(Gen.String[Gen.Char["abc.=%3D25é"], 1, 20], Gen.Byte.Array[0, 100]).Array[0, 3]
        let isDevice = kind is TarEntryKind.CharacterDevice or TarEntryKind.BlockDevice
        select new TarEntry
        {
            Kind = kind,
            Path = path,
            LinkTarget = kind is TarEntryKind.HardLink or TarEntryKind.SymbolicLink ? target : default,
            Mode = mode,
            Uid = owner.Item1,
            Gid = owner.Item2,
            Size = kind == TarEntryKind.File ? size : 0,
            ModificationTime = time,
            AccessTime = access,
            ChangeTime = change,
            DeviceMajor = isDevice ? device.Item1 : 0,
            DeviceMinor = isDevice ? device.Item2 : 0,
            Xattrs = [.. xattrs.DistinctBy(xattr => xattr.Item1).Select(xattr => new Xattr("user." + xattr.Item1, xattr.Item2))],
        };

    private static string Describe(TarEntry entry) => string.Join(' ',
        Line(entry, []), entry.Size, entry.AccessTime, entry.ChangeTime,
        Convert.ToHexString(entry.Path.Bytes), Convert.ToHexString(entry.LinkTarget.Bytes));

    private static byte[] Written(TarEntry entry, byte[]? content = null)
    {
        using var archive = new MemoryStream();
        var writer = new TarWriter(archive);
        writer.Write(entry, content ?? []);
        writer.Finish();
        return archive.ToArray();
    }

    private static string Text(byte[] archive, int offset, int length) => Encoding.ASCII.GetString(archive, offset, length).TrimEnd('\0');

    private static void Refused(string message, TarEntry entry) => Refused(message, writer => writer.Write(entry));

    private static void Refused(string message, Action<TarWriter> write)
    {
        MicaException error = Assert.Throws<MicaException>(() => write(new TarWriter(new MemoryStream())));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private static string RunTar(byte[] archive, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("tar", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            Environment = { ["TZ"] = "UTC", ["LC_ALL"] = "C" },
        })!;
        process.StandardInput.BaseStream.Write(archive);
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output;
    }

    private sealed class CountingTarget : MemoryStream
    {
        public long Count { get; private set; }

        public override void Write(ReadOnlySpan<byte> buffer) => Count += buffer.Length;
    }
}
