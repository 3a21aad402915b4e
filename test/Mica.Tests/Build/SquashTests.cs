using Mica.Build;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Store;

namespace Mica.Tests.Build;

public sealed class SquashTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static BuildOptions Squashed(BuildOptions options) => options with { Squash = true };

    [Fact]
    public async Task Squash_LayersOverABase_BecomeOneWithTheSameTree()
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        scratch.File("a", "a");
        scratch.File("dir/b", "b");
        scratch.File("dir/c", "c");
        await scratch.BuildAsync("FROM scratch\nCOPY a /one\nCOPY dir /dir\n", "base");
        const string Dockerfile = "FROM base\nCOPY a /dir/b\nENV X=1\nWORKDIR /work\nCOPY a dir/b ./\n";
        Image plain = await scratch.BuildAsync(Dockerfile, "plain");

        Image image = await scratch.BuildAsync(Dockerfile, "squashed", Squashed);

        Assert.Equal((0, 3), scratch.Counts);
        Assert.Equal(plain.Config.RootFs.DiffIds.Take(2), image.Config.RootFs.DiffIds.Take(2));
        Assert.Equal(3, image.Config.RootFs.DiffIds.Length);
        Assert.Equal(await scratch.TreeAsync(plain), await scratch.TreeAsync(image));
        Assert.Equal([false, false, true, true, true, true, false], image.Config.History.Select(entry => entry.EmptyLayer));
        Assert.StartsWith($"merge {plain.Id} to sha256:", image.Config.History[^1].Comment, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Squash_Again_IsTheSameImageAndWritesNothing()
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        scratch.File("a", "a");
        const string Dockerfile = "FROM scratch\nCOPY a /one\nCOPY a /two\n";
        Image first = await scratch.BuildAsync(Dockerfile, change: Squashed);
        Assert.Single(first.Config.RootFs.DiffIds);
        Assert.StartsWith("create new from sha256:", first.Config.History[^1].Comment, StringComparison.Ordinal);

        Image second = await scratch.BuildAsync(Dockerfile, change: Squashed);

        Assert.Equal(first.ManifestDescriptor.Digest, second.ManifestDescriptor.Digest);
        Assert.Equal(3, scratch.Events.OfType<StepCached>().Count());
    }

    [Fact]
    public async Task Squash_OneLayer_StaysAsItIs()
    {
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        scratch.File("a", "a");
        Image plain = await scratch.BuildAsync("FROM scratch\nCOPY a /one\n");
        Image image = await scratch.BuildAsync("FROM scratch\nCOPY a /one\n", change: Squashed);
        Assert.Equal(plain.Id, image.Id);
    }

    [Fact]
    public async Task SquashedLayer_DeletedReplacedAndLinked_HidesWhatLiesBelow()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: to make whiteouts");
        await using BuildScratch scratch = await BuildScratch.OpenAsync();
        await using StoreLease lease = await scratch.Store.LeaseAsync("test", Token);
        await using LayerWorkspace workspace = scratch.Store.NewWorkspace(lease);
        CreatedLayer below = await LayerAsync("d/", "d/gone", "d/kept", "o/", "o/hidden", "n/", "n/hidden", "r/", "r/hidden", "f", "x");
        CreatedLayer first = await LayerAsync("d/", "d/.wh.gone", "o/", "o/.wh..wh..opq", "o/one", ".wh.n", ".wh.r", "new", ".wh.x", ".wh.never");
        CreatedLayer second = await LayerAsync("d/", "d/more", "n/", "n/two", "r", ".wh.new", "x/", "x/three");
        using var added = new LayerStack(await scratch.Store.TreesAsync([first.DiffId, second.DiffId], Token), LayerWorkspace.WhiteoutForm);
        using var lower = new LayerStack(await scratch.Store.TreesAsync([below.DiffId], Token), LayerWorkspace.WhiteoutForm);

        using var bytes = new MemoryStream();
        var archive = new TarWriter(bytes);
        new SquashedLayer(added, lower, archive, Token).Write(hidesAll: false);
        archive.Finish();

        bytes.Position = 0;
        var reader = new TarReader(bytes);
        var paths = new List<string>();
        while (reader.ReadNext() is { } entry)
        {
            paths.Add(entry.Path.ToString());
        }

        Assert.Equal(["d/", "d/.wh.gone", "d/more", "n/", "n/.wh..wh..opq", "n/two", "o/", "o/.wh..wh..opq", "o/one", "r", "x/", "x/three"], paths);

        CreatedLayer squashed = await workspace.AddArchiveAsync(writer => new SquashedLayer(added, lower, writer, Token).Write(hidesAll: false), null, Token);
        Assert.Equal(await TreeAsync(below, first, second), await TreeAsync(below, squashed));

        Task<CreatedLayer> LayerAsync(params string[] names) => workspace.AddArchiveAsync(writer =>
        {
            foreach (string name in names)
            {
                bool isDirectory = name.EndsWith('/');
                writer.Write(new TarEntry { Kind = isDirectory ? TarEntryKind.Directory : TarEntryKind.File, Path = new LinuxPath(name), Mode = isDirectory ? 0x1ed : 0x1a4 });
            }
        }, null, Token);

        async Task<string[]> TreeAsync(params CreatedLayer[] layers)
        {
            using var stack = new LayerStack(await scratch.Store.TreesAsync([.. layers.Select(layer => layer.DiffId)], Token), LayerWorkspace.WhiteoutForm);
            return [.. Visit(stack, default)];
        }

        static IEnumerable<string> Visit(LayerStack stack, LinuxPath path) => stack.List(path).Select(name => path.Append(name))
            .SelectMany(child => stack.Find(child) is { Kind: FileKind.Directory } ? Visit(stack, child).Prepend($"{child}/") : [child.ToString()]);
    }
}
