using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using static Mica.Tests.Layers.Tar;

namespace Mica.Tests.Layers;

public sealed class ApplyWhiteoutTests : IDisposable
{
    private readonly ApplyFixture _fixture = new();

    private static string OpaqueAttribute =>
        ApplyFixture.Options.WhiteoutForm == WhiteoutForm.Trusted ? "trusted.overlay.opaque=y" : "user.overlay.opaque=y";

    /// <summary>Kind, path and what follows.</summary>
    private IEnumerable<string> Lines => _fixture.Lines.Select(line => line[0] + " " + string.Join(' ', line.Split(' ')[3..]));

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Apply_Whiteout_IsADeviceZeroZero()
    {
        AppliedLayer applied = _fixture.Apply(Dir("etc"), Whiteout("etc/passwd"), Whiteout("bin"), Whiteout("new/x"));

        Assert.Equal(["w bin", "d etc", "w etc/passwd", "d new", "w new/x"], Lines);
        Assert.Equal(["", "new"], applied.ImpliedDirectories.Select(path => path.ToString()));
        Assert.False(applied.HidesLowerLayers);
    }

    [Fact]
    public void Apply_OpaqueBeforeAndAfterEntries_KeepsAllOfThem()
    {
        _fixture.Apply(Dir("d"), File("d/before", "1"), Opaque("d"), File("d/after", "2"), Opaque("implied"));

        Assert.Equal([$"d d {OpaqueAttribute}", "f d/after \"2\"", "f d/before \"1\"", $"d implied {OpaqueAttribute}"], Lines);
    }

    [Fact]
    public void Apply_OpaqueRoot_IsToldInTheResult()
    {
        Assert.True(_fixture.Apply(File("a"), Opaque("")).HidesLowerLayers);
        Assert.Equal(["f a \"\""], Lines);
    }

    [Fact]
    public void Apply_OpaqueThroughALinkToTheRoot_IsTheRoots()
    {
        Assert.True(_fixture.Apply(Symlink("l", "/"), Opaque("l")).HidesLowerLayers);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Apply_WhiteoutBesideAFile_TheFileStays(bool whiteoutFirst)
    {
        Member[] members = [File("f", "x"), Whiteout("f")];

        _fixture.Apply(whiteoutFirst ? [.. members.Reverse()] : members);

        Assert.Equal(["f f \"x\""], Lines);
    }

    [Fact]
    public void Apply_WhiteoutBesideALink_TheLinkStays()
    {
        _fixture.Apply(Symlink("l", "etc"), Whiteout("l"));

        Assert.Equal(["l l -> etc"], Lines);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Apply_WhiteoutBesideADirectory_TheDirectoryIsOpaque(int place)
    {
        List<Member> members = [Dir("d"), File("d/f", "x")];
        members.Insert(place, Whiteout("d"));

        _fixture.Apply([.. members]);

        Assert.Equal([$"d d {OpaqueAttribute}", "f d/f \"x\""], Lines);
    }

    [Fact]
    public void Apply_WhiteoutOfAnImpliedDirectory_TheDirectoryIsOpaque()
    {
        _fixture.Apply(Whiteout("d"), File("d/e/f", "x"));

        Assert.Equal([$"d d {OpaqueAttribute}", "d d/e", "f d/e/f \"x\""], Lines);
    }

    [Fact]
    public void Apply_WhiteoutTwice_IsOne()
    {
        _fixture.Apply(Whiteout("x"), Whiteout("x"));

        Assert.Equal(["w x"], Lines);
    }

    [Fact]
    public void Apply_WhiteoutOfAnyKindOfEntry_IsAWhiteout()
    {
        _fixture.Apply(Symlink(".wh.a", "/etc"), Dir(".wh.b"), Hard(".wh.c", "nowhere"), Fifo(".wh.d"));

        Assert.Equal(["w a", "w b", "w c", "w d"], Lines);
    }

    [Fact]
    public void Apply_AufsMetadata_IsLeftOut()
    {
        _fixture.Apply(Dir(".wh..wh.plnk"), File(".wh..wh.plnk/12.34", "x"), File(".wh..wh.aufs"), File("d/.wh..wh.orph/x"), File("f"));

        Assert.Equal(["f f \"\""], Lines);
    }

    [Theory]
    [InlineData(".wh.")]
    [InlineData("d/.wh.")]
    [InlineData(".wh..")]
    [InlineData(".wh...")]
    [InlineData("d/.wh...")]
    [InlineData(".wh./x")]
    [InlineData(".wh.../x")]
    [InlineData(".wh.d/x")]
    public void Apply_WhiteoutOfNothing_IsRefused(string path)
    {
        MicaException error = Assert.Throws<MicaException>(() => _fixture.Apply(Dir("d"), Fifo(path)));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.StartsWith(path + ": ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_UserForm_WritesUserXattrs()
    {
        _fixture.Apply(ApplyFixture.Options with { WhiteoutForm = WhiteoutForm.User }, Tar.Of(Dir("d"), Opaque("d")));

        Assert.Equal(["d d user.overlay.opaque=y"], Lines);
    }

    [Fact]
    public void Apply_OverlayOrdersInTheLayer_AreEscaped()
    {
        Assert.SkipUnless(LinuxUser.EffectiveUserId == 0, "trusted xattrs need root");

        _fixture.Apply(
            File("f", "", 0x1a4, 0, 0, null, new Xattr("trusted.overlay.redirect", "/etc"u8.ToArray()), new Xattr("trusted.overlay.metacopy", [])),
            File("g", "", 0x1a4, 0, 0, null, new Xattr("security.selinux", "x"u8.ToArray())));

        Assert.Equal(["f f \"\" trusted.overlay.overlay.metacopy= trusted.overlay.overlay.redirect=/etc", "f g \"\""], Lines);
    }

    [Fact]
    public void Apply_TwoLayers_MergeInARealOverlay()
    {
        Assert.SkipUnless(LinuxUser.EffectiveUserId == 0, "mounting needs root");
        using var lower = new ApplyFixture();
        using var merged = new Mica.Tests.Linux.ScratchDirectory();
        lower.Apply(Dir("a"), File("a/old"), Dir("b"), File("b/old"), File("gone"), Dir("c"), File("c/old"));
        _fixture.Apply(Opaque("a"), File("a/new"), File("b/new"), Whiteout("gone"), Whiteout("c"), File("c/new"));

        if (!OverlayMount.TryMount(merged.Path, _fixture.Layer, lower.Layer))
        {
            Assert.Skip("overlayfs cannot be mounted here");
        }

        try
        {
            IEnumerable<string> names = TreePrinter.Print(merged.Path).Split('\n')[1..].Select(line => line.Split(' ')[3]);
            Assert.Equal(["a", "a/new", "b", "b/new", "b/old", "c", "c/new"], names);
        }
        finally
        {
            OverlayMount.Unmount(merged.Path);
        }
    }
}
