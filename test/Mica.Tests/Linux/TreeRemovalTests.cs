using System.Text;
using Mica.Linux;

namespace Mica.Tests.Linux;

public sealed class TreeRemovalTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void RemoveTree_LinksToOutside_LeavesTheirTargets()
    {
        _scratch.WriteFile("outside/keep", "kept");
        _scratch.WriteFile("tree/a/b", "12345");
        File.CreateSymbolicLink(_scratch.Combine("tree/file"), _scratch.Combine("outside/keep"));
        File.CreateSymbolicLink(_scratch.Combine("tree/a/dir"), _scratch.Combine("outside"));

        RemovedTree removed = _scratch.Handle.RemoveTree("tree"u8);

        Assert.Equal(new RemovedTree(5, 5), removed);
        Assert.False(Directory.Exists(_scratch.Combine("tree")));
        Assert.Equal("kept", File.ReadAllText(_scratch.Combine("outside/keep")));
    }

    [Fact]
    public void RemoveTree_NameIsALink_RemovesTheLink()
    {
        _scratch.WriteFile("outside/keep", "kept");
        File.CreateSymbolicLink(_scratch.Combine("link"), "outside");

        LinuxFileSystem.RemoveTree(_scratch.Combine("link"));

        Assert.Equal(["outside"], Directory.GetFileSystemEntries(_scratch.Path).Select(Path.GetFileName));
        Assert.True(File.Exists(_scratch.Combine("outside/keep")));
    }

    [Fact]
    public void RemoveTree_NotThere_IsDone()
    {
        Assert.Equal(default, _scratch.Handle.RemoveTree("nothing"u8));
        Assert.Equal(default, LinuxFileSystem.RemoveTree(_scratch.Combine("no/such/parent")));
    }

    [Fact]
    public void RemoveTree_HardLinks_AreCountedOnce()
    {
        _scratch.WriteFile("tree/a", "12345");
        using (DirectoryHandle tree = _scratch.Handle.OpenDirectory("tree"u8))
        {
            tree.TryLink("a"u8, tree, "b"u8);
        }

        Assert.Equal(new RemovedTree(3, 5), _scratch.Handle.RemoveTree("tree"u8));
    }

    [Fact]
    public void RemoveTree_ThreeThousandLevels_NeedsFewDescriptors()
    {
        const int Depth = 3000;
        _scratch.Handle.TryMakeDirectory("tree"u8, 0x1c0);
        DirectoryHandle directory = _scratch.Handle.OpenDirectory("tree"u8);
        for (int i = 0; i < Depth; i++)
        {
            directory.TryMakeDirectory("d"u8, 0x1c0);
            directory.TryMakeSymbolicLink("side"u8, ".."u8);
            DirectoryHandle next = directory.OpenDirectory("d"u8);
            directory.Dispose();
            directory = next;
        }

        directory.Dispose();

        Assert.Equal(2 * Depth + 1, _scratch.Handle.RemoveTree("tree"u8).Entries);
    }

    [Fact]
    public void RemoveTree_ReadOnlyDirectories_AreMadeWritable()
    {
        UnprivilegedThread.Own(_scratch.Handle);

        UnprivilegedThread.Run(() =>
        {
            foreach (uint mode in new uint[] { 0, 0x100, 0x140, 0x49, 0x16d })
            {
                _scratch.Handle.TryMakeDirectory("tree"u8, 0x1c0);
                using (DirectoryHandle tree = _scratch.Handle.OpenDirectory("tree"u8))
                {
                    tree.TryMakeDirectory("inner"u8, 0x1c0);
                    using (DirectoryHandle inner = tree.OpenDirectory("inner"u8))
                    {
                        inner.TryMakeDirectory("leaf"u8, mode);
                        inner.TryCreateFile("file"u8, 0, out NewFile file);
                        file.Dispose();
                        inner.SetMode(mode);
                    }

                    tree.SetMode(mode);
                }

                Assert.Equal(4, _scratch.Handle.RemoveTree("tree"u8).Entries);
            }
        });
    }

    [Fact]
    public void RemoveTree_SomeoneElsesDirectory_SaysWhichOne()
    {
        Assert.SkipUnless(LinuxUser.EffectiveUserId == 0, "needs root to make a directory that another user may not empty");
        UnprivilegedThread.Own(_scratch.Handle);
        _scratch.WriteFile("tree/theirs/file", "");
        using (DirectoryHandle tree = _scratch.Handle.OpenDirectory("tree"u8))
        {
            UnprivilegedThread.Own(tree);
        }

        LinuxException? error = null;
        UnprivilegedThread.Run(() => error = Assert.Throws<LinuxException>(() => { _scratch.Handle.RemoveTree("tree"u8); }));

        Assert.Equal("remove file: permission denied (EACCES)", error!.Message);
    }

    [Fact]
    public async Task RemoveTree_TwoAtOnce_BothSucceed()
    {
        for (int i = 0; i < 400; i++)
        {
            _scratch.WriteFile($"tree/{i % 20}/{i}", "x");
        }

        RemovedTree[] removed = await Task.WhenAll(
            Task.Run(() => _scratch.Handle.RemoveTree("tree"u8), TestContext.Current.CancellationToken),
            Task.Run(() => _scratch.Handle.RemoveTree("tree"u8), TestContext.Current.CancellationToken));

        Assert.Equal(421, removed[0].Entries + removed[1].Entries);
    }

    [Fact]
    public async Task RemoveTree_SomeoneAddsFilesMeanwhile_RemovesThoseToo()
    {
        for (int i = 0; i < 500; i++)
        {
            _scratch.WriteFile($"tree/{i}", "x");
        }

        using DirectoryHandle tree = _scratch.Handle.OpenDirectory("tree"u8);
        Task adding = Task.Run(() =>
        {
            for (int i = 0; i < 500; i++)
            {
                if (tree.TryCreateFile(Encoding.ASCII.GetBytes($"new-{i}"), 0x180, out NewFile file) == Errno.None)
                {
                    file.Dispose();
                }
            }
        }, TestContext.Current.CancellationToken);

        _scratch.Handle.RemoveTree("tree"u8);
        await adding;

        Assert.Equal(Errno.ENOENT, _scratch.Handle.TryGetStatus("tree"u8, out _));
    }

    [Fact]
    public void RemoveTree_WithoutOpenAt2_DoesTheSame()
    {
        using var lacking = new LackingOpenAt2();
        _scratch.WriteFile("tree/a/b/c", "123");

        Assert.Equal(new RemovedTree(4, 3), _scratch.Handle.RemoveTree("tree"u8));
    }
}
