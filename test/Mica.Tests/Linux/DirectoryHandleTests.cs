using System.Text;
using Mica.Linux;

namespace Mica.Tests.Linux;

public sealed class DirectoryHandleTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    private DirectoryHandle Root => _scratch.Handle;

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(0x1ffu)]
    [InlineData(0x1b6u)]
    [InlineData(0u)]
    public void TryCreateFile_AnyUmask_GetsExactlyTheMode(uint mode)
    {
        Assert.Equal(Errno.None, Root.TryCreateFile("f"u8, mode, out NewFile file));
        file.Dispose();
        Assert.Equal(Errno.None, Root.TryMakeDirectory("d"u8, mode));

        Assert.Equal(mode, Root.GetStatus("f"u8).Mode);
        Assert.Equal(mode, Root.GetStatus("d"u8).Mode);
    }

    [Fact]
    public void TryClearForThread_OwnThread_LeavesTheOthersAlone()
    {
        bool cleared = false;
        uint seen = 0;
        var thread = new Thread(() =>
        {
            cleared = FileCreationMask.TryClearForThread();
            seen = FileCreationMask.Current;
            Root.TryCreateFile("own"u8, 0x1b6, out NewFile file);
            file.Dispose();
        });
        uint before = FileCreationMask.Current;

        thread.Start();
        thread.Join();

        Assert.Equal(before, FileCreationMask.Current);
        Assert.Equal(cleared ? 0 : before, seen);
        Assert.Equal(0x1b6u, Root.GetStatus("own"u8).Mode);
        File.WriteAllText(_scratch.Combine("other"), "");
        Assert.Equal(0x1b6u & ~before, Root.GetStatus("other"u8).Mode);
    }

    [Fact]
    public void TryCreateFile_NameIsADanglingLink_DoesNotCreateItsTarget()
    {
        Root.TryMakeSymbolicLink("link"u8, "target"u8);

        Assert.Equal(Errno.EEXIST, Root.TryCreateFile("link"u8, 0x180, out _));

        Assert.Equal(Errno.ENOENT, Root.TryGetStatus("target"u8, out _));
    }

    [Fact]
    public void TryWrite_AtOffset_LeavesAHole()
    {
        Root.TryCreateFile("f"u8, 0x180, out NewFile file);
        file.TryWrite("ab"u8);
        file.TryWrite("yz"u8, 1 << 20);
        file.TrySetLength(2 << 20);
        file.Dispose();

        FileStatus status = Root.GetStatus("f"u8);
        Assert.Equal(2 << 20, status.Size);
        Assert.True(status.AllocatedBytes < 1 << 18);
        Assert.Equal("ab\0yz\0", Encoding.ASCII.GetString([.. Read("f")[..3], .. Read("f")[(1 << 20)..((1 << 20) + 3)]]));
    }

    [Fact]
    public void SetTimes_NanosecondsAndBefore1970_ComeBack()
    {
        var time = new FileTime(-3, 123_456_789);
        Root.TryMakeSymbolicLink("link"u8, "nowhere"u8);
        Root.TryMakeDirectory("d"u8, 0x1c0);

        Root.SetTimes("link"u8, null, time);
        using (DirectoryHandle directory = Root.OpenDirectory("d"u8))
        {
            directory.SetTimes(time, time);
        }

        Assert.Equal(time, Root.GetStatus("link"u8).Modified);
        Assert.Equal(time, Root.GetStatus("d"u8).Modified);
    }

    [Fact]
    public void Names_NotUtf8_AreBytes()
    {
        byte[] name = [0xff, (byte)'\n', 0xe9];
        Root.TryMakeDirectory(name, 0x1c0);

        using var reader = new DirectoryReader(Root);
        Assert.True(reader.TryRead(out ReadOnlySpan<byte> found, out FileKind kind));

        Assert.Equal(name, found.ToArray());
        Assert.Equal(FileKind.Directory, kind);
        Assert.False(reader.TryRead(out _, out _));
    }

    [Fact]
    public void DirectoryReader_TenThousandNames_EachOnce()
    {
        for (int i = 0; i < 10_000; i++)
        {
            Root.TryMakeSymbolicLink(Encoding.ASCII.GetBytes($"name-{i}"), "x"u8);
        }

        var names = new HashSet<string>();
        using var reader = new DirectoryReader(Root);
        while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
        {
            Assert.True(names.Add(Encoding.ASCII.GetString(name)));
        }

        Assert.Equal(10_000, names.Count);
    }

    [Fact]
    public void TryRename_NoReplaceAndExchange_DoAsTheySay()
    {
        _scratch.WriteFile("a", "a");
        _scratch.WriteFile("b", "b");

        Assert.Equal(Errno.EEXIST, Root.TryRename("a"u8, Root, "b"u8, RenameMode.NoReplace));
        Assert.Equal(Errno.None, Root.TryRename("a"u8, Root, "b"u8, RenameMode.Exchange));
        Assert.Equal("b", File.ReadAllText(_scratch.Combine("a")));
        Assert.False(LinuxFileSystem.TryRenameNoReplace(_scratch.Combine("a"), _scratch.Combine("b")));
        Assert.True(LinuxFileSystem.TryRenameNoReplace(_scratch.Combine("a"), _scratch.Combine("c")));
    }

    [Fact]
    public void TryLink_OfALink_LinksTheLink()
    {
        Root.TryMakeSymbolicLink("link"u8, "/etc/passwd"u8);

        Assert.Equal(Errno.None, Root.TryLink("link"u8, Root, "second"u8));

        Assert.Equal(FileKind.SymbolicLink, Root.GetStatus("second"u8).Kind);
        Assert.Equal("/etc/passwd"u8, Root.ReadSymbolicLink("second"u8));
    }

    [Fact]
    public void SetMode_OfALink_DoesNotReachItsTarget()
    {
        _scratch.WriteFile("f", "");
        Root.SetMode("f"u8, 0x180);
        Root.TryMakeSymbolicLink("link"u8, "f"u8);

        LinuxException error = Assert.Throws<LinuxException>(() => Root.SetMode("link"u8, 0x1ff));

        Assert.Equal(Errno.EOPNOTSUPP, error.Errno);
        Assert.Equal(0x180u, Root.GetStatus("f"u8).Mode);
    }

    [Fact]
    public void SetMode_Setuid_IsKept()
    {
        Root.TryCreateFile("f"u8, 0x1ed, out NewFile file);
        file.TrySetMode(0x9ed); // 04755
        file.Dispose();

        Assert.Equal(0x9edu, Root.GetStatus("f"u8).Mode);
    }

    [Fact]
    public void Xattrs_OnFileDirectoryAndLink_AreBytes()
    {
        byte[] value = [0, 1, 0xff, 0];
        Root.TryMakeDirectory("d"u8, 0x1c0);
        Root.TryCreateFile("f"u8, 0x180, out NewFile file);
        Errno errno = file.TrySetXattr("user.test"u8, value);
        file.Dispose();
        Assert.SkipWhen(errno == Errno.EOPNOTSUPP, "the temporary directory's file system has no user xattrs");
        Assert.Equal(Errno.None, Root.TrySetXattr("d"u8, "user.test"u8, value));

        Assert.Equal(value, Root.GetXattr("f"u8, "user.test"u8));
        Assert.Equal(value, Root.GetXattr("d"u8, "user.test"u8));
        Assert.Null(Root.GetXattr("d"u8, "user.other"u8));
        Assert.Equal(["user.test"u8.ToArray()], Root.ListXattrs("f"u8));
        Assert.Empty(Root.ListXattrs("."u8));
    }

    [Fact]
    public void Xattrs_OfALink_AreNotItsTargets()
    {
        Assert.SkipUnless(LinuxUser.EffectiveUserId == 0, "trusted xattrs, the only ones that links may have, need root");
        _scratch.WriteFile("f", "");
        Root.TryMakeSymbolicLink("link"u8, "f"u8);

        Assert.Equal(Errno.None, Root.TrySetXattr("link"u8, "trusted.test"u8, "v"u8));

        Assert.Equal("v"u8.ToArray(), Root.GetXattr("link"u8, "trusted.test"u8));
        Assert.Empty(Root.ListXattrs("f"u8));
    }

    [Fact]
    public void TryMakeNode_Whiteout_NeedsNoPrivilege()
    {
        UnprivilegedThread.Own(Root);

        UnprivilegedThread.Run(() =>
            Assert.Equal(Errno.None, Root.TryMakeNode("gone"u8, FileKind.CharacterDevice, 0, 0, 0)));

        Assert.True(Root.GetStatus("gone"u8).IsWhiteout);
    }

    [Fact]
    public void TryMakeNode_LargeNumbers_ComeBack()
    {
        Assert.SkipUnless(LinuxUser.EffectiveUserId == 0, "device nodes need root");

        Assert.Equal(Errno.None, Root.TryMakeNode("dev"u8, FileKind.BlockDevice, 0x180, 0xabc, 0xfedcb));

        FileStatus status = Root.GetStatus("dev"u8);
        Assert.Equal((FileKind.BlockDevice, 0xabcu, 0xfedcbu), (status.Kind, status.NodeMajor, status.NodeMinor));
    }

    [Fact]
    public void Failure_Message_SaysWhatOnWhatAndWhy()
    {
        LinuxException error = Assert.Throws<LinuxException>(() => Root.OpenDirectory("etc/\u001b[31mno\n"u8));

        Assert.Equal("open etc/\\x1b[31mno\\x0a: no such file or directory (ENOENT)", error.Message);
    }

    [Fact]
    public void Names_WithNulOrTooLong_AreRefused()
    {
        Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => Root.GetStatus("a\0b"u8)).Errno);
        Assert.Equal(Errno.ENAMETOOLONG, Assert.Throws<LinuxException>(() => Root.GetStatus(new byte[5000])).Errno);
    }

    [Fact]
    public void GetSpace_Anywhere_IsPlausible()
    {
        FileSystemSpace space = LinuxFileSystem.GetSpace(_scratch.Path);

        Assert.InRange(space.AvailableBytes, 1, space.TotalBytes);
        Assert.True(space.AvailableInodes > 0);
    }

    [Fact]
    public void Sync_DirectoryAndFileSystem_Succeed()
    {
        LinuxFileSystem.SyncDirectory(_scratch.Path);
        LinuxFileSystem.SyncAll(_scratch.Path);
    }

    private byte[] Read(string name) => File.ReadAllBytes(_scratch.Combine(name));
}
