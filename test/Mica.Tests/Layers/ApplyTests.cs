using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using static Mica.Tests.Layers.Tar;

namespace Mica.Tests.Layers;

public sealed class ApplyTests : IDisposable
{
    private static readonly byte[] s_capability = [1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    private readonly ApplyFixture _fixture = new();

    private static bool IsRoot => LinuxUser.EffectiveUserId == 0;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Apply_EveryKind_ComesOutAsItWentIn()
    {
        Assert.SkipUnless(IsRoot, "ownership and device nodes need root");

        AppliedLayer applied = _fixture.Apply(
            Dir("./", 0x1ed), Dir("bin", 0x1ed), File("bin/sh", "#!", 0x9ed), Dir("tmp", 0x3ff), Dir("mail", 0x5fd, 0, 8),
            File("mail/box", "m", 0x1b0, 1000, 8), Symlink("link", "../bin/sh", 5, 6), Hard("bin/bash", "bin/sh"), Fifo("fifo", 0x180),
            CharDevice("null", 1, 3), BlockDevice("disk", 259, 70000));

        Assert.Equal(
            [
                "d 0755 0:0 bin",
                "f 4755 0:0 bin/bash \"#!\"",
                "f 4755 0:0 bin/sh = bin/bash",
                "b 0660 0:0 disk 259:70000",
                "p 0600 0:0 fifo",
                "l 0777 5:6 link -> ../bin/sh",
                "d 2775 0:8 mail",
                "f 0660 1000:8 mail/box \"m\"",
                "c 0666 0:0 null 1:3",
                "d 1777 0:0 tmp",
            ], _fixture.Lines);
        Assert.Equal((11L, 3L), (applied.Entries, applied.ContentBytes));
        Assert.Empty(applied.ImpliedDirectories);
        Assert.Empty(applied.Notices);
    }

    [Fact]
    public void Apply_SetuidAndOwner_BothSurvive()
    {
        Assert.SkipUnless(IsRoot, "ownership needs root");

        _fixture.Apply(File("sudo", "x", 0xded, 33, 33));

        Assert.Equal(["f 6755 33:33 sudo \"x\""], _fixture.Lines);
    }

    [Fact]
    public void Apply_CapabilityAndOwner_BothSurvive()
    {
        Assert.SkipUnless(IsRoot, "file capabilities need root");

        _fixture.Apply(File("ping", "x", 0x1ed, 33, 33, null, new Xattr("security.capability", s_capability)));

        Assert.Equal([$"f 0755 33:33 ping \"x\" security.capability=0x{Convert.ToHexStringLower(s_capability)}"], _fixture.Lines);
    }

    [Fact]
    public void Apply_Xattrs_OnFilesDirectoriesAndLinks()
    {
        Assert.SkipUnless(IsRoot, "trusted xattrs need root");
        Xattr[] xattrs = [new Xattr("trusted.a", [0, 0xff]), new Xattr("user.b", "text"u8.ToArray())];

        AppliedLayer applied = _fixture.Apply(
            Of(new TarEntry { Kind = TarEntryKind.Directory, Path = new LinuxPath("d"), Mode = 0x16d, Xattrs = xattrs }),
            File("f", "", 0x100, 0, 0, null, xattrs),
            Of(new TarEntry { Kind = TarEntryKind.SymbolicLink, Path = new LinuxPath("l"), LinkTarget = new LinuxPath("f"), Xattrs = xattrs }));

        Assert.Equal(
            [
                "d 0555 0:0 d trusted.a=0x00ff user.b=text",
                "f 0400 0:0 f \"\" trusted.a=0x00ff user.b=text",
                "l 0777 0:0 l -> f trusted.a=0x00ff",
            ], _fixture.Lines);
        Assert.Equal(
            ["1 extended attributes could not be set, the first of them user.b of l: operation not permitted (EPERM)"], applied.Notices);
    }

    [Fact]
    public void Apply_Times_AreExactToTheNanosecondAndBefore1970()
    {
        var early = new UnixTime(-86400, 123456789);
        var late = new UnixTime(1700000000, 999999999);

        _fixture.Apply(
            Dir("d", 0x1ed, 0, 0, early), Dir("d/e", 0x1ed, 0, 0, late), File("d/e/f", "x", 0x1a4, 0, 0, early), File("d/g", "x"),
            Of(new TarEntry { Kind = TarEntryKind.SymbolicLink, Path = new LinuxPath("d/l"), LinkTarget = new LinuxPath("x"), ModificationTime = early }));

        Assert.Equal(new FileTime(-86400, 123456789), Modified("d"));
        Assert.Equal(new FileTime(1700000000, 999999999), Modified("d/e"));
        Assert.Equal(new FileTime(-86400, 123456789), Modified("d/e/f"));
        Assert.Equal(new FileTime(-86400, 123456789), Modified("d/l"));
    }

    [Fact]
    public void Apply_MoreDirectoriesThanStayOpen_KeepTheirTimesAndModes()
    {
        var members = new List<Member>();
        for (int i = 0; i < 600; i++)
        {
            members.Add(Dir($"d{i}", i % 2 == 0 ? 0x16d : 0x5ed, 0, 0, new UnixTime(1000 + i, i)));
        }

        for (int i = 0; i < 1200; i++)
        {
            members.Add(File($"d{i * 7 % 600}/f{i}", "x"));
        }

        _fixture.Apply([.. members]);

        for (int i = 0; i < 600; i++)
        {
            Assert.Equal(new FileTime(1000 + i, i), Modified($"d{i}"));
            Assert.Equal(i % 2 == 0 ? 0x16du : 0x5edu, Status($"d{i}").Mode);
        }
    }

    [Fact]
    public void Apply_SetgidDirectory_DoesNotGiveItsGroupAway()
    {
        Assert.SkipUnless(IsRoot, "ownership needs root");
        _fixture.Target.SetOwner(0, 50);
        _fixture.Target.SetMode(0x5ed);

        _fixture.Apply(Dir("staff", 0x5fd, 0, 50), Dir("staff/d", 0x1ed), File("staff/d/f"), File("staff/g"));

        Assert.Equal(
            ["d 2775 0:50 staff", "d 0755 0:0 staff/d", "f 0644 0:0 staff/d/f \"\"", "f 0644 0:0 staff/g \"\""], _fixture.Lines);
        Assert.StartsWith("d 0755 0:0 .\n", _fixture.Tree, StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_DefaultAclInTheLayer_IsNotInheritedByItsOtherEntries()
    {
        // Version 2, then user::rwx, user:1000:rwx, group::r-x, mask::rwx, other::r-x.
        byte[] acl = Convert.FromHexString("02000000" + "01000700ffffffff" + "02000700e8030000" + "04000500ffffffff" + "10000700ffffffff" + "20000500ffffffff");
        Member parent = Of(new TarEntry
        {
            Kind = TarEntryKind.Directory, Path = new LinuxPath("d"), Mode = 0x1ed, Xattrs = [new Xattr("system.posix_acl_default", acl)],
        });

        AppliedLayer applied = _fixture.Apply(parent, Dir("d/e", 0x1c0), File("d/f", "", 0x180), Fifo("d/p", 0x180), File("d/new/x"));
        Assert.SkipWhen(applied.Notices.Length > 0, "the temporary directory's file system has no ACLs");

        Assert.EndsWith($"d system.posix_acl_default=0x{Convert.ToHexStringLower(acl)}", _fixture.Lines[0], StringComparison.Ordinal);
        Assert.DoesNotContain(_fixture.Lines[1..], line => line.Contains("acl", StringComparison.Ordinal));
        Assert.Equal((0x1c0u, 0x180u, 0x180u, 0x1edu), (Status("d/e").Mode, Status("d/f").Mode, Status("d/p").Mode, Status("d/new").Mode));
    }

    [Fact]
    public void Apply_RootEntry_SetsTheRootsMetadata()
    {
        _fixture.Apply(Dir("./", 0x16d, 0, 0, new UnixTime(77, 5)), File("a"));

        Assert.Equal((0x16du, new FileTime(77, 5)), (_fixture.Target.GetStatus().Mode, _fixture.Target.GetStatus().Modified));
    }

    [Fact]
    public void Apply_MissingParents_AreMadeAndNamed()
    {
        AppliedLayer applied = _fixture.Apply(File("a/b/c", "x", 0x1a4, 0, 0, new UnixTime(99, 1)), Dir("a", 0x1c0));

        Assert.Equal(["", "a/b"], applied.ImpliedDirectories.Select(path => path.ToString()));
        Assert.Equal((0x1edu, new FileTime(99, 1)), (Status("a/b").Mode, Modified("a/b")));
        Assert.Equal((0x1c0u, new FileTime(DefaultTime.Seconds, 0)), (Status("a").Mode, Modified("a")));
        Assert.Equal((0x1edu, new FileTime(99, 1)), (_fixture.Target.GetStatus().Mode, _fixture.Target.GetStatus().Modified));
    }

    [Fact]
    public void Apply_OddPaths_NameTheSameFile()
    {
        _fixture.Apply(Dir("a"), File("./a//./x", "1"), File("/a/x", "2"), File("a/../a/b/../x", "3"), Dir("a/y/"));

        Assert.Equal(["a", "a/x \"3\"", "a/y"], _fixture.Lines.Select(line => string.Join(' ', line.Split(' ')[3..])));
    }

    [Fact]
    public void Apply_SparseFile_HasHoles()
    {
        byte[] content = new byte[1 << 20];
        byte[] data = [.. "data"u8];
        _fixture.Apply(
            Pax(("GNU.sparse.major", "0"), ("GNU.sparse.minor", "1"), ("GNU.sparse.name", "f"), ("GNU.sparse.size", "1048576"), ("GNU.sparse.map", "524288,4")),
            Raw("GNUSparseFile.0/f", content: data));

        data.CopyTo(content.AsSpan(524288));
        Assert.Equal(content, System.IO.File.ReadAllBytes(Path.Combine(_fixture.Layer, "f")));
        Assert.True(Status("f").AllocatedBytes < 1 << 18);
    }

    [Theory]
    [InlineData("file", "file")]
    [InlineData("file", "dir")]
    [InlineData("file", "link")]
    [InlineData("file", "fifo")]
    [InlineData("file", "hard")]
    [InlineData("dir", "file")]
    [InlineData("dir", "link")]
    [InlineData("dir", "fifo")]
    [InlineData("dir", "hard")]
    [InlineData("link", "file")]
    [InlineData("link", "dir")]
    [InlineData("link", "link")]
    [InlineData("link", "hard")]
    [InlineData("fifo", "file")]
    [InlineData("fifo", "fifo")]
    [InlineData("whiteout", "file")]
    [InlineData("whiteout", "link")]
    public void Apply_SameNameTwice_TheLastWins(string first, string second)
    {
        Member[] Make(string kind, int number) => kind switch
        {
            "file" => [File("x", $"{number}")],
            "dir" => [Dir("x"), File("x/in", $"{number}"), Dir("x/deep"), File("x/deep/in", $"{number}")],
            "link" => [Symlink("x", $"{number}")],
            "fifo" => [Fifo("x")],
            "hard" => [Hard("x", "other")],
            _ => [Whiteout("x")],
        };

        AppliedLayer applied = _fixture.Apply([File("other", "other"), .. Make(first, 1), .. Make(second, 2)]);

        long content = 5 + second switch { "file" => 1, "dir" => 2, _ => 0 };
        Assert.Equal(content, applied.ContentBytes);
        string expected = second switch
        {
            "file" => "x \"2\"",
            "dir" => $"x {(ApplyFixture.Options.WhiteoutForm == WhiteoutForm.Trusted ? "trusted" : "user")}.overlay.opaque=y",
            "link" => "x -> 2",
            "fifo" => "x",
            _ => "x = other",
        };
        Assert.Contains(expected, _fixture.Lines.Select(line => string.Join(' ', line.Split(' ')[3..])));
    }

    [Fact]
    public void Apply_DirectoryTwice_KeepsItsContentAndTakesTheLaterMetadata()
    {
        _fixture.Apply(Dir("d", 0x1ff), File("d/f", "x"), Dir("d", 0x16d, 0, 0, new UnixTime(5, 6)));

        Assert.Equal(2, _fixture.Lines.Length);
        Assert.Equal((0x16du, new FileTime(5, 6)), (Status("d").Mode, Modified("d")));
    }

    [Fact]
    public void Apply_HardLinkToItself_IsNothing()
    {
        AppliedLayer applied = _fixture.Apply(File("a", "x"), Hard("a", "a"), Hard("b", "./a"), Hard("b", "/a"));

        Assert.Equal(1, applied.ContentBytes);
        Assert.Equal(2, _fixture.Lines.Length);
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("no/such/parent")]
    [InlineData("gone")]
    public void Apply_HardLinkToWhatIsNotInTheLayer_SaysSo(string target)
    {
        MicaException error = Assert.Throws<MicaException>(() => _fixture.Apply(Whiteout("gone"), Hard("x", target)));

        Assert.Equal((ErrorKind.ContentMismatch, $"x: its hard link target {target} is not in the same layer before it"), (error.Kind, error.Message));
    }

    [Fact]
    public void Apply_HardLinkToDirectory_IsRefused()
    {
        MicaException error = Assert.Throws<MicaException>(() => _fixture.Apply(Dir("d"), Hard("x", "d")));

        Assert.Equal("x: its hard link target d is a directory", error.Message);
    }

    [Fact]
    public void Apply_NamesNotUtf8_StayBytes()
    {
        _fixture.Apply(Of(new TarEntry { Kind = TarEntryKind.File, Path = new LinuxPath([0xe9, (byte)'\n']), Mode = 0x1a4 }));

        Assert.EndsWith(" \\xe9\\x0a \"\"", _fixture.Lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_TargetNotEmpty_IsRefused()
    {
        System.IO.File.WriteAllText(Path.Combine(_fixture.Layer, "here"), "");

        Assert.Equal(ErrorKind.Conflict, Assert.Throws<MicaException>(() => _fixture.Apply()).Kind);
    }

    [Fact]
    public void Apply_EmptyArchive_IsAnEmptyLayer()
    {
        AppliedLayer applied = _fixture.Apply();

        Assert.Equal((0L, 0L), (applied.Entries, applied.ContentBytes));
        Assert.Empty(_fixture.Lines);
    }

    [Fact]
    public void Apply_MoreBytesThanAllowed_Stops()
    {
        MicaException error = Assert.Throws<MicaException>(() =>
            _fixture.Apply(ApplyFixture.Options with { MaxUnpackedBytes = 9 }, Tar.Of(File("a", "12345"), File("b", "12345"))));

        Assert.Equal((ErrorKind.Failed, "the layer unpacks to more than 9 bytes, the limit; --max-layer-size accepts more"), (error.Kind, error.Message));
    }

    [Fact]
    public void Apply_MoreEntriesThanAllowed_Stops()
    {
        LayerApplyOptions options = ApplyFixture.Options with { MaxEntries = 2 };

        Assert.Throws<MicaException>(() => _fixture.Apply(options, Tar.Of(File("a/b/c"))));
    }

    [Fact]
    public void Apply_Cancelled_Stops()
    {
        var archive = new TarReader(new MemoryStream(Tar.Of(File("a"))));

        Assert.Throws<OperationCanceledException>(() =>
            LayerApplier.Apply(archive, _fixture.Target, ApplyFixture.Options, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Apply_Unprivileged_MakesEverythingButDevicesAndOwners()
    {
        AppliedLayer applied = _fixture.ApplyUnprivileged(
            Dir("ro", 0x16d, 5, 5), File("ro/f", "x", 0x100, 7, 8, null, new Xattr("user.a", "b"u8.ToArray())), Dir("none", 0), Dir("none/in", 0x49),
            File("none/in/f", "y"), CharDevice("null", 1, 3), Whiteout("ro/gone"), Opaque("none"), File("su", "", 0x9ed));

        int owner = (int)_fixture.Target.GetStatus().Uid;
        Assert.Equal(
            [
                $"d 0000 {owner}:{owner} none user.overlay.opaque=y",
                $"d 0111 {owner}:{owner} none/in",
                $"f 0644 {owner}:{owner} none/in/f \"y\"",
                $"d 0555 {owner}:{owner} ro",
                $"f 0400 {owner}:{owner} ro/f \"x\" user.a=b",
                $"w 0000 {owner}:{owner} ro/gone",
                $"f 4755 {owner}:{owner} su \"\"",
            ], _fixture.Lines);
        Assert.Equal(["1 device nodes were left out: making them needs a privilege"], applied.Notices);
    }

    [Fact]
    public void Apply_UnprivilegedAndMoreDirectoriesThanStayOpen_OpensReadOnlyOnesAgain()
    {
        var members = new List<Member>();
        for (int i = 0; i < 600; i++)
        {
            members.Add(Dir($"d{i}", i % 3 == 0 ? 0 : 0x16d, 0, 0, new UnixTime(1000 + i, i)));
        }

        for (int i = 0; i < 600; i++)
        {
            members.Add(File($"d{i}/f{i}", "x"));
        }

        _fixture.ApplyUnprivileged([.. members]);

        for (int i = 0; i < 600; i++)
        {
            Assert.Equal((i % 3 == 0 ? 0u : 0x16du, new FileTime(1000 + i, i)), (Status($"d{i}").Mode, Modified($"d{i}")));
        }
    }

    private FileStatus Status(string path)
    {
        using DirectoryHandle parent = DirectoryHandle.Open(Path.GetDirectoryName(Path.Combine(_fixture.Layer, path))!);
        return parent.GetStatus(System.Text.Encoding.UTF8.GetBytes(Path.GetFileName(path)));
    }

    private FileTime Modified(string path) => Status(path).Modified;
}
