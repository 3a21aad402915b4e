using System.Text;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using static Mica.Tests.Layers.Tar;

namespace Mica.Tests.Layers;

/// <summary>
/// Archives that try to reach out of their directory: the classes of CVEs known for extracting tar. Beside the layer lies a
/// directory that must be the same afterwards to the last time stamp; whether a layer is refused or harmlessly applied is
/// said where it matters.
/// </summary>
public sealed class ApplyAttackTests : IDisposable
{
    private readonly ApplyFixture _fixture = new();

    private static Xattr[] SomeXattr => [new Xattr(LinuxUser.EffectiveUserId == 0 ? "trusted.x" : "user.x", "evil"u8.ToArray())];

    private string Outside => _fixture.Outside;

    private string Sentinel => _fixture.Outside + "/sentinel";

    public void Dispose() => _fixture.Dispose();

    /// <summary>CVE-2001-1267, CVE-2007-4559.</summary>
    [Theory]
    [InlineData("../outside/sentinel")]
    [InlineData("a/../../outside/sentinel")]
    [InlineData("./../outside/sentinel")]
    [InlineData("a/b/../../../outside/sentinel")]
    [InlineData("../outside/new")]
    [InlineData("..")]
    public void Apply_DotDotName_IsRefused(string path)
    {
        MicaException error = Assert.Throws<MicaException>(() => _fixture.Apply(Dir("a"), Dir("a/b"), File(path, "evil")));

        Assert.Equal((ErrorKind.ContentMismatch, $"{path}: the path leads out of the layer"), (error.Kind, error.Message));
        _fixture.AssertOutsideIsUntouched();
    }

    /// <summary>CVE-2016-6321: only a part of the name was stripped.</summary>
    [Fact]
    public void Apply_AbsoluteName_BeginsAtTheLayersRoot()
    {
        AssertContained(File(Sentinel, "evil"), File("//" + Sentinel, "evil"), File("/../../../../outside/sentinel", "evil"));

        Assert.True(System.IO.File.Exists(_fixture.Layer + Sentinel));
    }

    /// <summary>CVE-2014-6407.</summary>
    [Fact]
    public void Apply_SymlinkThenFileThroughIt_StaysInside()
    {
        AssertContained(Symlink("l", Outside), File("l/sentinel", "evil"), File("l/new", "evil"), Dir("l/dir", 0));
        Assert.True(System.IO.File.Exists(_fixture.Layer + Sentinel));
    }

    [Fact]
    public void Apply_RelativeSymlinkThenFileThroughIt_StaysInside() =>
        AssertContained(Dir("a"), Symlink("a/l", "../../outside"), File("a/l/sentinel", "evil"), File("a/l/new", "evil"));

    [Fact]
    public void Apply_SymlinkChainThenFileThroughIt_StaysInside() => AssertContained(
        Symlink("up", ".."), Symlink("up2", "up/.."), Symlink("o", "up2/outside"), Symlink("o2", "./o"), File("o2/sentinel", "evil"));

    [Fact]
    public void Apply_SymlinkToTheHostsRoot_IsTheLayersRoot() =>
        AssertContained(Symlink("root", "/"), File("root" + Sentinel, "evil"), Symlink("proc", "/proc/self/cwd"), File("proc/x", "evil"));

    /// <summary>CVE-2025-4517: a path that became too long while it was resolved was taken as it was.</summary>
    [Fact]
    public void Apply_SymlinkChainLongerThanAnyPath_StaysInside()
    {
        var members = new List<Member>();
        string path = "";
        string name = new('d', 247);
        for (int i = 0; i < 16; i++)
        {
            members.Add(Dir(path + name));
            members.Add(Symlink(path + (char)('a' + i), name));
            path += (char)('a' + i) + "/";
        }

        members.Add(Symlink("escape", path + string.Concat(Enumerable.Repeat("../", 18)) + "outside"));
        members.Add(File("escape/sentinel", "evil"));
        members.Add(File(path + new string('e', 200) + "/f", "evil"));

        AssertContained([.. members]);
    }

    /// <summary>CVE-2021-32803: a directory that was seen once was taken to be one for ever.</summary>
    [Fact]
    public void Apply_DirectoryReplacedBySymlink_IsNotWrittenThrough()
    {
        AssertContained(Dir("a"), File("a/x", "1"), Symlink("a", Outside), File("a/sentinel", "evil"), File("a/x", "evil"));
        Assert.True(System.IO.File.Exists(_fixture.Layer + Sentinel));
    }

    [Fact]
    public void Apply_SymlinkSwappedBetweenEntries_IsReadAgain()
    {
        AssertContained(
            Dir("in"), Symlink("l", "in"), File("l/one", "1"), Symlink("l", Outside), File("l/sentinel", "evil"),
            Dir("other"), Symlink("l", "other"), File("l/two", "2"));

        Assert.Equal("2", System.IO.File.ReadAllText(Path.Combine(_fixture.Layer, "other/two")));
        Assert.False(System.IO.File.Exists(Path.Combine(_fixture.Layer, "in/sentinel")));
    }

    [Fact]
    public void Apply_SymlinkInTheMiddleSwapped_IsReadAgain()
    {
        AssertContained(
            Dir("p/q"), File("p/q/one", "1"), Dir("z"), Symlink("p/l", "q"), File("p/l/two", "2"), Symlink("p", "z"), File("p/l/three", "3"));

        Assert.Equal("3", System.IO.File.ReadAllText(Path.Combine(_fixture.Layer, "z/l/three")));
    }

    /// <summary>CVE-2021-31566 and others: metadata put off to the end and then applied by path.</summary>
    [Fact]
    public void Apply_DirectoryReplacedBySymlinkBeforeItsTimesAreSet_LeavesTheTargetAlone() => AssertContained(
        Dir("d", 0x16d, 0, 0, new UnixTime(5, 0)), File("d/f", "x"), Symlink("d", Outside), Dir("e", 0x16d), Symlink("e", Outside + "/dir"));

    /// <summary>CVE-2021-32804's kin: the directory entry is for what its name leads to.</summary>
    [Fact]
    public void Apply_DirectoryOverSymlink_ReplacesTheLink()
    {
        AssertContained(Symlink("d", Outside), Dir("d", 0x1ff, 1, 1, new UnixTime(5, 0)), File("d/sentinel", "mine"));
        Assert.Equal("mine", System.IO.File.ReadAllText(Path.Combine(_fixture.Layer, "d/sentinel")));
    }

    [Fact]
    public void Apply_FileOverSymlink_ReplacesTheLink()
    {
        AssertContained(Symlink("s", Sentinel), File("s", "evil", 0x9ff, 1, 1, null, SomeXattr));
        Assert.Equal(FileKind.File, _fixture.Target.GetStatus("s"u8).Kind);
    }

    [Fact]
    public void Apply_FileOverDanglingSymlink_DoesNotCreateItsTarget() =>
        AssertContained(Symlink("s", Outside + "/new"), File("s", "evil"));

    /// <summary>CVE-2021-29136: a link in the place of the root.</summary>
    [Theory]
    [InlineData(".")]
    [InlineData("./")]
    [InlineData("/")]
    [InlineData("a/..")]
    public void Apply_RootIsASymlink_IsRefused(string path)
    {
        MicaException error = Assert.Throws<MicaException>(() => _fixture.Apply(Symlink(path, Outside), File("sentinel", "evil")));

        Assert.Equal($"{path}: the layer's root can only be a directory", error.Message);
        _fixture.AssertOutsideIsUntouched();
    }

    /// <summary>CVE-2014-9356 and CVE-2018-20834: the link is made first, then its name is written to.</summary>
    [Theory]
    [InlineData("../outside/sentinel")]
    [InlineData("a/../../outside/sentinel")]
    [InlineData("{0}/sentinel")]
    [InlineData("l/sentinel")]
    [InlineData("a/l/sentinel")]
    [InlineData("s")]
    public void Apply_HardLinkToOutside_StaysInside(string target)
    {
        Assert.ThrowsAny<MicaException>(() => _fixture.Apply(
            Dir("a"), Symlink("l", Outside), Symlink("a/l", "../../outside"), Symlink("s", Sentinel),
            Hard("h", string.Format(null, target, Outside)), File("h", "evil", 0x9ff), Hard("last", "../outside/sentinel")));

        _fixture.AssertOutsideIsUntouched();
    }

    /// <summary>CVE-2021-32760: the mode of a link's header was set on what the link leads to.</summary>
    [Fact]
    public void Apply_HardLinkToSymlinkWithMetadata_LeavesTheTargetAlone() => AssertContained(
        Symlink("s", Sentinel),
        Of(new TarEntry { Kind = TarEntryKind.HardLink, Path = new LinuxPath("h"), LinkTarget = new LinuxPath("s"), Mode = 0xfff, Xattrs = SomeXattr }),
        Of(new TarEntry { Kind = TarEntryKind.SymbolicLink, Path = new LinuxPath("t"), LinkTarget = new LinuxPath(Sentinel), Mode = 0xfff, Uid = 1, Gid = 1, Xattrs = SomeXattr }));

    [Fact]
    public void Apply_WhiteoutThroughSymlink_StaysInside()
    {
        AssertContained(Symlink("l", Outside), Whiteout("l/sentinel"), Whiteout("l/dir"), Symlink("r", "../outside"), Whiteout("r/sentinel"));
        Assert.True(_fixture.Target.OpenDirectoryInRoot(Encoding.UTF8.GetBytes(Outside)).GetStatus("sentinel"u8).IsWhiteout);
    }

    [Fact]
    public void Apply_WhiteoutOfASymlink_LeavesItsTarget() => AssertContained(Symlink("l", Outside), Whiteout("l"), Symlink("m", Sentinel), Whiteout("m"));

    [Fact]
    public void Apply_OpaqueThroughSymlink_StaysInside() => AssertContained(Symlink("l", Outside), Opaque("l"), Opaque("l/dir"), Opaque("../outside"));

    [Theory]
    [InlineData(".wh.x/../../outside/sentinel")]
    [InlineData("../outside/.wh.sentinel")]
    [InlineData(".wh..wh.x/../../outside/.wh.sentinel")]
    [InlineData("../.wh.outside")]
    public void Apply_WhiteoutWithSlashes_IsRefused(string path)
    {
        Assert.Throws<MicaException>(() => _fixture.Apply(Fifo(path)));

        _fixture.AssertOutsideIsUntouched();
    }

    [Fact]
    public void Apply_SymlinkNamedAsAWhiteout_IsNoLink()
    {
        AssertContained(Symlink(".wh.a", Outside), Symlink(".wh..wh.b", Outside), Symlink(".wh..wh..opq", Outside));
        Assert.Equal(["w 0000 0:0 a"], _fixture.Lines.Select(line => string.Join(' ', line.Split(' ') is var f ? [f[0], f[1], "0:0", f[3]] : [])));
    }

    [Fact]
    public void Apply_DirectoryTreeReplaced_RemovesNothingThroughItsLinks() => AssertContained(
        Dir("d"), Symlink("d/l", Outside), Symlink("d/s", Sentinel), Hard("d/h", "d/l"), File("d", "file"));

    [Fact]
    public void Apply_DanglingSymlinkAsParent_CreatesItsTargetInside()
    {
        AssertContained(Symlink("l", Outside + "/new/deep"), File("l/f", "x"));
        Assert.True(System.IO.File.Exists(_fixture.Layer + Outside + "/new/deep/f"));
    }

    [Fact]
    public void Apply_SymlinkLoopAsParent_IsRefused()
    {
        MicaException error = Assert.Throws<MicaException>(() => _fixture.Apply(Symlink("a", "b"), Symlink("b", "a"), File("a/f", "x")));

        Assert.Equal("a: too many levels of symbolic links (ELOOP)", error.Message);
    }

    [Fact]
    public void Apply_FileAsParent_IsRefused()
    {
        MicaException error = Assert.Throws<MicaException>(() => _fixture.Apply(File("a"), File("a/f", "x")));

        Assert.Equal("a: not a directory (ENOTDIR)", error.Message);
    }

    /// <summary>A device or fifo that is opened to be written does, or waits for, something else.</summary>
    [Fact]
    public void Apply_FileOverDeviceOrFifo_ReplacesIt()
    {
        AssertContained(Fifo("p"), File("p", "x"), CharDevice("c", 1, 1), File("c", "x"), BlockDevice("b", 7, 0), File("b", "x"));

        Assert.Equal(3, _fixture.Lines.Count(line => line.StartsWith('f')));
    }

    [Fact]
    public void Apply_NameLongerThanTheKernelTakes_IsRefused()
    {
        MicaException error = Assert.Throws<MicaException>(() => _fixture.Apply(File(new string('x', 256), "x")));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.EndsWith("file name too long (ENAMETOOLONG)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_TwoThousandLevels_AreMade()
    {
        string path = string.Concat(Enumerable.Repeat("d/", 2000));

        AssertContained(File(path + "f", "x"), Whiteout(path + "g"), Dir("d"));
    }

    [Fact]
    public void Apply_SymlinksThatGrowThePath_EndInAnError()
    {
        string deep = string.Join('/', Enumerable.Repeat("d", 1000));

        Assert.Throws<MicaException>(() => _fixture.Apply(
            Dir(deep), Symlink("a", deep), File("a/" + deep + "/f", "x"), Symlink("a/b", "/" + deep + "/" + deep), File("a/b/" + deep + "/" + deep, "x")));
        _fixture.AssertOutsideIsUntouched();
    }

    /// <summary>40 links of 1,500 steps each, anew for every entry: minutes for a few thousand entries, were they counted as such.</summary>
    [Fact]
    public void Apply_EndlessDetours_AreCutShort()
    {
        string detour = string.Concat(Enumerable.Repeat("a/../", 760));
        var members = new List<Member> { Dir("a"), Dir("z") };
        for (int i = 0; i < 39; i++)
        {
            members.Add(Symlink($"l{i}", i == 0 ? detour + "z" : detour + $"l{i - 1}"));
        }

        for (int i = 0; i < 400; i++)
        {
            members.Add(Whiteout($"l38/./d{i}/x"));
        }

        MicaException error = Assert.Throws<MicaException>(() => _fixture.Apply([.. members]));
        Assert.EndsWith(": the layer's paths go through too many directories and links", error.Message, StringComparison.Ordinal);
    }

    private void AssertContained(params ReadOnlySpan<Member> members)
    {
        try
        {
            _fixture.Apply(members);
        }
        catch (MicaException refused) when (refused.Kind is ErrorKind.ContentMismatch)
        {
        }

        _fixture.AssertOutsideIsUntouched();
        Assert.NotEmpty(_fixture.Tree);
    }
}
