using System.Runtime.CompilerServices;
using System.Text;
using Mica.Layers;
using Mica.Oci;
using static Mica.Tests.Layers.TarReading;

namespace Mica.Tests.Layers;

/// <summary>Archives of the same trees by GNU tar, bsdtar and Python; <c>testdata/tar/make.sh</c> says how they came to be.</summary>
public sealed class TarCorpusTests
{
    [Theory]
    [InlineData("gnu-sparse-old")]
    [InlineData("gnu-sparse-0.0")]
    [InlineData("gnu-sparse-0.1")]
    [InlineData("gnu-sparse-1.0")]
    [InlineData("bsdtar-sparse")]
    public void Sparse_EveryFormat_GivesTheFilesAndTheirHoles(string archive)
    {
        byte[] few = new byte[2 << 20];
        foreach (int offset in new[] { 0, 131_072, 1_048_576 })
        {
            Encoding.ASCII.GetBytes($"data at {offset:d7}\n").CopyTo(few, offset);
        }

        byte[] many = new byte[(11 * 65_536) + 9];
        for (int i = 0; i < 12; i++)
        {
            Encoding.ASCII.GetBytes($"piece {i:d2}\n").CopyTo(many, i * 65_536);
        }

        Dictionary<string, (TarEntry Entry, byte[] Content)> read = Read(archive).ToDictionary(each => each.Entry.Path.ToString().TrimEnd('/'));

        Assert.Equal(["sparse", "sparse/few", "sparse/hole", "sparse/many"], read.Keys.Order());
        Assert.Equal(Digest.Of(few), Digest.Of(read["sparse/few"].Content));
        Assert.Equal(Digest.Of(many), Digest.Of(read["sparse/many"].Content));
        Assert.Equal(Digest.Of(new byte[1 << 20]), Digest.Of(read["sparse/hole"].Content));
        Assert.Equal(3, read["sparse/few"].Entry.Segments!.Count);
        Assert.Equal(12, read["sparse/many"].Entry.Segments!.Count);
        Assert.Empty(read["sparse/hole"].Entry.Segments!);
        Assert.Null(read["sparse"].Entry.Segments);
        Assert.All(read.Values, each => Assert.Equal(1_700_000_000, each.Entry.ModificationTime.Seconds));
    }

    [Theory]
    [InlineData("gnutar-long-gnu")]
    [InlineData("gnutar-long-pax")]
    [InlineData("bsdtar-long")]
    public void LongNames_EveryFormat_AreWhole(string archive)
    {
        string deep = string.Concat(Enumerable.Range(1, 14).Select(i => $"directory-of-twenty-{i:d2}/"));
        string n = new('n', 100);

        List<(TarEntry Entry, byte[] Content)> read = Read(archive);

        Assert.Equal("deep\n"u8, Content($"long/{deep}file"));
        Assert.Equal("100\n"u8, Content($"long/{n}"));
        Assert.Equal($"{deep}file", Encoding.UTF8.GetString(Entry("long/link").LinkTarget.Bytes));
        (TarEntry file, TarEntry hard) = Entry($"long/{n}x").Kind == TarEntryKind.File
            ? (Entry($"long/{n}x"), Entry("long/hard"))
            : (Entry("long/hard"), Entry($"long/{n}x"));
        Assert.Equal((TarEntryKind.File, 4L), (file.Kind, file.Size));
        Assert.Equal((TarEntryKind.HardLink, file.Path), (hard.Kind, hard.LinkTarget));

        TarEntry Entry(string path) => read.Single(each => each.Entry.Path == new LinuxPath(path)).Entry;
        byte[] Content(string path) => read.Single(each => each.Entry.Path == new LinuxPath(path)).Content;
    }

    [Fact]
    public void LongNames_Ustar_UseThePrefix()
    {
        IEnumerable<LinuxPath> paths = Read("gnutar-long-ustar").Select(each => each.Entry.Path);

        Assert.Contains(new LinuxPath("long/" + string.Concat(Enumerable.Range(1, 8).Select(i => $"directory-of-twenty-{i:d2}/"))), paths);
    }

    [Fact]
    public void V7_IsRead()
    {
        Assert.Equal("d 755 0:0 1700000000 long/", Line(Assert.Single(Read("gnutar-v7")).Entry, []));
    }

    [Theory]
    [InlineData("gnutar-kinds-gnu", false)]
    [InlineData("gnutar-kinds-pax", true)]
    [InlineData("bsdtar-kinds", true)]
    [InlineData("python-kinds-gnu", false)]
    [InlineData("python-kinds-pax", true)]
    public void Kinds_EveryWriter_GivesTheSame(string archive, bool nanoseconds)
    {
        // Python's times are floating-point numbers.
        string fraction = !nanoseconds ? "" : archive == "python-kinds-pax" ? "+123456700ns" : "+123456789ns";
        // 1960-02-03 04:05:06.25. Without fractions it is rounded down or towards zero; libarchive writes -312753293.75 as -312753294.25.
        string old = archive switch
        {
            "bsdtar-kinds" => "-312753295+750000000ns",
            "python-kinds-gnu" => "-312753293",
            _ => nanoseconds ? "-312753294+250000000ns" : "-312753294",
        };
        string[] expected =
        [
            $"- 644 0:0 1700000000{fraction} kinds/caf\\xe9 1 x",
            $"- 644 0:0 1700000000{fraction} kinds/café 1 y",
            $"b 644 0:0 1700000000{fraction} kinds/disk 259,70000",
            $"- 644 0:0 {old} kinds/file 4 one",
            $"- 6755 3000000:4000000 1700000000{fraction} kinds/setuid 4 one",
            $"c 644 0:0 1700000000{fraction} kinds/null 1,3",
            $"d 1777 0:0 1700000000{fraction} kinds/tmp",
            $"h 644 0:0 {old} kinds/hard -> kinds/file",
            $"l 777 0:0 1700000000{fraction} kinds/symbolic -> file",
            $"p 644 0:0 1700000000{fraction} kinds/fifo",
        ];

        // Which of the two names of a file comes first, and the slash behind a directory, are the writer's choice.
        string[] lines = [.. Read(archive).Select(each => Line(each.Entry, each.Content)).Select(line => line.TrimEnd('/'))
            .Select(line => line.Replace("kinds/hard 4 one", "kinds/file 4 one", StringComparison.Ordinal).Replace("kinds/file -> kinds/hard", "kinds/hard -> kinds/file", StringComparison.Ordinal))];

        Assert.Equal(expected.Order(StringComparer.Ordinal), lines.Where(line => !line.EndsWith(" kinds", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Single(lines, line => line.EndsWith(" kinds", StringComparison.Ordinal) && line.Contains(" 15032385535", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("gnutar-xattrs")]
    [InlineData("bsdtar-xattrs")]
    public void Xattrs_EveryWriter_GivesTheBytes(string archive)
    {
        TarEntry entry = Read(archive).Single(each => each.Entry.Kind == TarEntryKind.File).Entry;

        Assert.Equal(
            "- 644 0:0 1700000000 xattrs/file 2 x security.capability=0100000200040000000000000000000000000000"
            + " user.a=b%c=657175616c73 user.bytes=00ff8041e90a3d user.empty= user.text=68656c6c6f",
            Line(entry, "x\n"u8.ToArray()));
    }

    [Fact]
    public void GlobalHeader_OfGnuTar_IsApplied()
    {
        Assert.All(Read("gnutar-global"), each =>
            Assert.Equal((77u, new UnixTime(1_234_567_890, 500_000_000)), (each.Entry.Gid, each.Entry.ModificationTime)));
    }

    private static List<(TarEntry Entry, byte[] Content)> Read(string archive, [CallerFilePath] string here = "")
    {
        string directory = Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "testdata", "tar");
        byte[] tar = CompressionSamples.Decompress(File.ReadAllBytes(Path.Combine(directory, archive + ".tar.gz")));
        List<(TarEntry Entry, byte[] Content)> read = ReadAll(tar);
        Assert.Equal(read.Select(each => Line(each.Entry, each.Content)), ReadAll(tar, chunk: 513).Select(each => Line(each.Entry, each.Content)));
        return read;
    }
}
