using Mica.Build;
using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Tests.Linux;

namespace Mica.Tests.Build;

public sealed class ContextTreeTests : IDisposable
{
    private static readonly DateTimeOffset s_later = TimeProvider.System.GetUtcNow().AddMinutes(1);

    private readonly string _root = Directory.CreateTempSubdirectory("mica-context-").FullName;

    private string Index => Path.Join(_root, "digests");

    public void Dispose() => LinuxFileSystem.RemoveTree(_root);

    [Fact]
    public void Directory_Read_IsSortedByBytesAndWithoutWhatIsIgnored()
    {
        foreach (string name in (string[])["b", "a/x.log", "a/y", "B", "c.log", "only/deep/keep", "only/drop", "ä"])
        {
            Write(name, "x");
        }

        using var tree = new ContextTree(_root, Patterns("**/*.log", "only", "!only/deep/keep"), null, "the context");
        using ISourceDirectory top = tree.OpenDirectory(default);
        Assert.Equal(["B", "a", "b", "only", "ä"], Names(top));
        using ISourceDirectory a = top.OpenDirectory("a"u8.ToArray());
        Assert.Equal(["y"], Names(a));
        using ISourceDirectory only = tree.OpenDirectory(new LinuxPath("only"));
        Assert.Equal(["deep"], Names(only));
    }

    [Fact]
    public void Read_WithoutPermission_NamesTheWholePathAndTheWayOut()
    {
        File.SetUnixFileMode(Write("inner/closed", "x"), UnixFileMode.None);
        File.SetUnixFileMode(Path.GetDirectoryName(Write("shut/file", "x"))!, UnixFileMode.None);
        File.SetUnixFileMode(_root, (UnixFileMode)0x1ed);
        Exception? file = null, below = null, directory = null;

        UnprivilegedThread.Run(() =>
        {
            using var tree = new ContextTree(_root, PatternList.Empty, null, "the build context");
            using ISourceDirectory inner = tree.OpenDirectory(new LinuxPath("inner"));
            file = Record.Exception(() => inner.HashOf(inner.Read()[0]));
            below = Record.Exception(() => tree.Find(new LinuxPath("shut/file")));
            directory = Record.Exception(() => tree.OpenDirectory(new LinuxPath("shut")));
        });

        const string Rest = ": permission denied in the build context; make it readable, or leave it out by .dockerignore";
        Assert.Equal("/inner/closed" + Rest, Assert.IsType<MicaException>(file).Message);
        Assert.Equal("/shut" + Rest, Assert.IsType<MicaException>(below).Message);
        Assert.Equal("/shut" + Rest, Assert.IsType<MicaException>(directory).Message);
    }

    [Fact]
    public void Read_OfWhatWentAwayMeanwhile_SaysThatItChanged()
    {
        string path = Write("inner/file", "x");
        using var tree = new ContextTree(_root, PatternList.Empty, null, "the build context");
        using ISourceDirectory inner = tree.OpenDirectory(new LinuxPath("inner"));
        SourceEntry entry = inner.Read()[0];
        File.Delete(path);

        MicaException failure = Assert.Throws<MicaException>(() => inner.HashOf(entry));

        Assert.Equal("/inner/file: changed while it was read from the build context; run the build again", failure.Message);
    }

    [Fact]
    public void Digests_OfUnchangedFiles_AreNotReadAgain()
    {
        string file = Write("file", "one");
        ContextDigests first = Load();
        ContentHash hash = Hash(first, "file");
        first.Save();

        ContextDigests second = Load();
        Assert.True(second.TryFind(Status("file"), out ContentHash known));
        Assert.Equal(hash.ToString(), known.ToString());

        // The same size, and the old time of modification: the time of change gives it away.
        DateTime time = File.GetLastWriteTimeUtc(file);
        File.WriteAllText(file, "two");
        File.SetLastWriteTimeUtc(file, time);
        Assert.False(second.TryFind(Status("file"), out _));
        Assert.NotEqual(hash.ToString(), Hash(second, "file").ToString());
    }

    [Fact]
    public void Digests_OfFilesChangedJustNow_AreNotTrusted()
    {
        Write("file", "one");
        ContextDigests digests = ContextDigests.Load(Index, TimeProvider.System);
        Hash(digests, "file");
        Assert.False(digests.TryFind(Status("file"), out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(50)]
    public void Digests_DamagedFile_CountsAsNone(int length)
    {
        Write("file", "one");
        ContextDigests digests = Load();
        Hash(digests, "file");
        digests.Save();
        using (FileStream stream = File.OpenWrite(Index))
        {
            stream.SetLength(length);
        }

        Assert.False(Load().TryFind(Status("file"), out _));
    }

    [Fact]
    public void Digests_NeededByNobodyForLong_AreForgotten()
    {
        Write("old", "one");
        ContextDigests digests = Load();
        Hash(digests, "old");
        digests.Save();
        for (int build = 0; build < 20; build++)
        {
            Assert.Equal(build < 17, Load().TryFind(Status("old"), out _));
            Write($"new{build}", "x");
            ContextDigests next = Load();
            Hash(next, $"new{build}");
            next.Save();
        }
    }

    [Fact]
    public void Mask_HidesExactlyWhatIsIgnored()
    {
        foreach (string name in (string[])["keep", "drop", "dir/keep", "dir/drop", "whole/a", "other/b"])
        {
            Write(name, "x");
        }

        string mask = Directory.CreateTempSubdirectory("mica-mask-").FullName;
        try
        {
            Assert.True(ContextMask.Write(_root, Patterns("**/drop", "whole"), mask, TestContext.Current.CancellationToken));
            using var stack = new LayerStack([mask, _root], Mica.Store.LayerWorkspace.WhiteoutForm);
            Assert.Equal(["dir", "keep", "other"], Names(new StackTree(stack, "stack").OpenDirectory(default)));
            Assert.Equal(["keep"], Names(new StackTree(stack, "stack").OpenDirectory(new LinuxPath("dir"))));
            Assert.False(Directory.Exists(Path.Join(mask, "other")));
            Assert.False(ContextMask.Write(_root, PatternList.Empty, mask, TestContext.Current.CancellationToken));
        }
        finally
        {
            LinuxFileSystem.RemoveTree(mask);
        }
    }

    [Fact]
    public void Fingerprint_OfWalks_TellsChanges()
    {
        Write("a/b", "x");
        Assert.Equal(Walk(), Walk());
        int before = Walk();
        Write("a/b", "y");
        Assert.NotEqual(before, Walk());

        int Walk()
        {
            using var tree = new ContextTree(_root, PatternList.Empty, null, "the context");
            var seen = new SourceFingerprint();
            new SourceWalk(PatternList.Empty, (ISourceDirectory _, in SourceEntry entry, ReadOnlySpan<byte> _) => seen.Add(entry), TestContext.Current.CancellationToken)
                .Run(tree, default);
            return seen.Value;
        }
    }

    private static PatternList Patterns(params string[] patterns) => PatternList.Of(patterns);

    private static string[] Names(ISourceDirectory directory) => [.. directory.Read().Select(entry => System.Text.Encoding.UTF8.GetString(entry.Name))];

    private ContextDigests Load() => ContextDigests.Load(Index, new FixedTime(s_later));

    private string Write(string name, string content)
    {
        string path = Path.Join(_root, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    private FileStatus Status(string name)
    {
        using DirectoryHandle directory = DirectoryHandle.Open(_root);
        return directory.GetStatus(System.Text.Encoding.UTF8.GetBytes(name));
    }

    private ContentHash Hash(ContextDigests digests, string name)
    {
        using var tree = new ContextTree(_root, PatternList.Empty, digests, "the context");
        using ISourceDirectory directory = tree.OpenDirectory(default);
        return directory.HashOf(new SourceEntry(System.Text.Encoding.UTF8.GetBytes(name), Status(name)));
    }

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
