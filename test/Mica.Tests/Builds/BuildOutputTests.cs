using System.Collections.Immutable;
using Mica.Build;
using Mica.Engine;
using Mica.Layers;
using Mica.Oci;
using Mica.Store;
using Mica.Tests.Registry;

namespace Mica.Tests.Builds;

public sealed class BuildOutputTests
{
    private const string Dockerfile = "FROM scratch\nCOPY a /dir/a\nCOPY --chmod=600 a /b\n";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Build_HostGatewayWithoutNetwork_IsRefused()
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        scratch.File("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => scratch.BuildAsync(new ImageBuildOptions
        {
            Context = new DirectoryBuildContext(scratch.Context),
            Network = Mica.Dockerfile.RunNetwork.None,
            ExtraHosts = [("machine", "host-gateway")],
        }));
        Assert.Equal(ErrorKind.InvalidArgument, failure.Kind);
    }

    [Fact]
    public async Task Image_WithNames_StandsForThemInTheStore()
    {
        await using EngineScratch scratch = await PreparedAsync();
        ImageReference[] names = [ImageReference.Parse("one:1"), ImageReference.Parse("two:latest")];

        BuiltImage built = await scratch.BuildAsync(Options(scratch) with { Names = [.. names] });

        StoredImage stored = (await scratch.Engine.Store.FindAsync("one:1", Token))!;
        Assert.Equal((built.Root.Digest, built.Id), (stored.Root.Digest, stored.Id));
        Assert.Equal(["docker.io/library/one:1", "docker.io/library/two:latest"], stored.Names.Select(name => name.Name));
        Assert.Contains(scratch.Events.OfType<StepNotice>(), notice => notice.Text == "naming to docker.io/library/one:1 done");
    }

    [Fact]
    public async Task Image_WithoutNames_Dangles()
    {
        await using EngineScratch scratch = await PreparedAsync();

        BuiltImage built = await scratch.BuildAsync(Options(scratch));

        Assert.True((await scratch.Engine.Store.FindAsync(built.Id.ToString(), Token))!.IsDangling);
    }

    [Fact]
    public async Task Steps_OfTheEngineAndTheBuilder_AreNumberedInOrder()
    {
        await using EngineScratch scratch = await PreparedAsync();

        await scratch.BuildAsync(Options(scratch));

        int[] numbers = [.. scratch.Events.OfType<StepStarted>().Select(started => started.Step)];
        Assert.Equal(Enumerable.Range(1, numbers.Length), numbers);
        Assert.Equal("[internal] load build definition from Dockerfile", scratch.Events.OfType<StepStarted>().First().Name);
        Assert.Equal("exporting to image", scratch.Events.OfType<StepStarted>().Last().Name);
    }

    [Fact]
    public async Task Platforms_Several_MakeOneIndex()
    {
        await using EngineScratch scratch = await PreparedAsync();
        ImmutableArray<Platform> platforms = [Platform.Parse("linux/amd64"), Platform.Parse("linux/arm64")];

        BuiltImage built = await scratch.BuildAsync(Options(scratch) with
        {
            Platforms = platforms,
            Names = [ImageReference.Parse("multi:1")],
            IndexAnnotations = ImmutableSortedDictionary<string, string>.Empty.Add("k", "v"),
        });

        ImageIndex index = ImageIndex.Parse(await scratch.Engine.Store.ReadDocumentAsync(built.Root, Token), built.Root.MediaType);
        Assert.Equal(["linux/amd64", "linux/arm64"], index.Manifests.Select(entry => entry.Platform!.ToString()));
        Assert.Equal("v", index.Annotations!["k"]);
        Assert.Contains(scratch.Events.OfType<StepStarted>(), started => started.Name.StartsWith("[linux/arm64 ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Local_DirectoryWithFiles_GetsTheTree()
    {
        await using EngineScratch scratch = await PreparedAsync();
        string output = Path.Join(scratch.Root, "out");
        Directory.CreateDirectory(output);
        await File.WriteAllTextAsync(Path.Join(output, "kept"), "old", Token);
        await File.WriteAllTextAsync(Path.Join(scratch.Root, "victim"), "safe", Token);
        File.CreateSymbolicLink(Path.Join(output, "b"), Path.Join(scratch.Root, "victim"));

        string[] files = await scratch.FilesAsync(Options(scratch));

        Assert.Equal(["b content", "dir/a content", "kept old"], files);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Join(output, "b")));
        Assert.Equal("safe", await File.ReadAllTextAsync(Path.Join(scratch.Root, "victim"), Token));
    }

    [Fact]
    public async Task Tar_OfTheTree_HasEveryFileOnce()
    {
        await using EngineScratch scratch = await PreparedAsync();
        using var output = new MemoryStream();

        await scratch.BuildAsync(Options(scratch) with { Outputs = [new TarOutput(OutputPlace.Of(output))] });

        output.Position = 0;
        var reader = new TarReader(output);
        var entries = new List<string>();
        while (reader.ReadNext() is { } entry)
        {
            entries.Add($"{entry.Path} {entry.Uid}:{entry.Gid} {Convert.ToString(entry.Mode, 8)}");
        }

        Assert.Equal(["b 0:0 600", "dir/ 0:0 755", "dir/a 0:0 644"], entries);
    }

    [Theory]
    [InlineData(ImageArchiveForm.Docker)]
    [InlineData(ImageArchiveForm.Oci)]
    public async Task Archive_OfTheImage_CanBeLoaded(ImageArchiveForm form)
    {
        await using EngineScratch scratch = await PreparedAsync();
        string file = Path.Join(scratch.Root, "image.tar");
        BuiltImage built = await scratch.BuildAsync(Options(scratch) with
        {
            Names = [ImageReference.Parse("app:1")],
            Outputs = [new ArchiveOutput(form, OutputPlace.Of(file), LayerCompression.Gzip)],
        });
        Assert.Null(await scratch.Engine.Store.FindAsync("app:1", Token));

        using ImageArchive archive = await ImageArchive.OpenAsync(file, scratch.Engine.Images.ArchiveOptions, Token);
        LoadedImage loaded = Assert.Single(await scratch.Engine.Images.LoadAsync(archive, null, null, Token));

        Assert.Equal(built.Id, loaded.Id);
        Assert.Equal("app:1", Assert.Single(loaded.References).Familiar);
    }

    [Fact]
    public async Task Push_TwoNames_SendsCompressedLayersUnderBoth()
    {
        await using TestRegistry registry = await TestRegistry.StartAsync();
        await using EngineScratch scratch = await PreparedAsync();
        ImmutableArray<ImageReference> names = [ImageReference.Parse($"{registry.Host}/app:1"), ImageReference.Parse($"{registry.Host}/app:2")];

        BuiltImage built = await scratch.BuildAsync(Options(scratch) with { Names = names, Outputs = [new ImageOutput(Push: true)] });

        foreach (ImageReference name in names)
        {
            Image remote = await scratch.Engine.Images.OpenRemoteAsync(name, null, null, Token);
            Assert.Equal((built.Id, built.Pushed!.Digest), (remote.Id, remote.Root.Digest));
            Assert.All(remote.Manifest.Layers, layer => Assert.Equal(MediaTypes.OciLayerGzip, layer.MediaType));
        }
    }

    [Fact]
    public async Task Base_AtARegistry_IsPulledOnceAndNamed()
    {
        await using TestRegistry registry = await TestRegistry.StartAsync();
        await using EngineScratch scratch = await PreparedAsync();
        var name = ImageReference.Parse($"{registry.Host}/base:1");
        BuiltImage first = await scratch.BuildAsync(Options(scratch) with { Names = [name], Outputs = [new ImageOutput(Push: true)] });
        await using EngineScratch other = await EngineScratch.OpenAsync();
        other.File("Dockerfile", $"FROM {name}\nLABEL a=b\n");

        await other.BuildAsync(Options(other));
        int requests = registry.Requests.Count;
        BuiltImage second = await other.BuildAsync(Options(other));

        Assert.Equal(requests, registry.Requests.Count);
        Assert.NotNull(await other.Engine.Store.FindAsync(name.ToString(), Token));
        Assert.Equal(first.Platforms[0].Result.Layers, second.Platforms[0].Result.Layers);
    }

    [Fact]
    public async Task Base_OfStepsThatAreCached_IsNotPulledAgain()
    {
        await using TestRegistry registry = await TestRegistry.StartAsync();
        await using EngineScratch scratch = await PreparedAsync();
        var name = ImageReference.Parse($"{registry.Host}/base:1");
        await scratch.BuildAsync(Options(scratch) with { Names = [name], Outputs = [new ImageOutput(Push: true)] });
        await using EngineScratch other = await EngineScratch.OpenAsync();
        other.File("Dockerfile", $"FROM {name} AS build\nCOPY Dockerfile /made\nFROM scratch\nCOPY --from=build /made /\n");
        BuiltImage first = await other.BuildAsync(Options(other));
        await other.Engine.Store.RemoveAsync(name.ToString(), force: true, Token);
        registry.Requests.Clear();

        BuiltImage second = await other.BuildAsync(Options(other));

        Assert.Equal(first.Id, second.Id);
        // The config is what a build must know of its base; the layers are not.
        Assert.Single(registry.Requests, request => request.Path.Contains("/blobs/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Squash_OfCachedStepsOnABaseThatIsGone_BringsTheBase()
    {
        await using TestRegistry registry = await TestRegistry.StartAsync();
        await using EngineScratch scratch = await PreparedAsync();
        var name = ImageReference.Parse($"{registry.Host}/base:1");
        await scratch.BuildAsync(Options(scratch) with { Names = [name], Outputs = [new ImageOutput(Push: true)] });
        await using EngineScratch other = await EngineScratch.OpenAsync();
        other.File("Dockerfile", $"FROM {name}\nCOPY Dockerfile /one\nCOPY Dockerfile /two\n");
        BuiltImage plain = await other.BuildAsync(Options(other) with { Outputs = [new CacheOnlyOutput()] });
        await other.Engine.Store.RemoveAsync(name.ToString(), force: true, Token);

        BuiltImage squashed = await other.BuildAsync(Options(other) with { Squash = true });

        Assert.Equal(plain.Platforms[0].Result.Layers.Length - 1, squashed.Platforms[0].Result.Layers.Length);
        Assert.Empty((await other.Engine.Store.CheckAsync(new StoreCheckOptions(), null, Token)).Findings);
    }

    [Fact]
    public async Task CacheOnly_Build_LeavesNoImage()
    {
        await using EngineScratch scratch = await PreparedAsync();

        await scratch.BuildAsync(Options(scratch) with { Outputs = [new CacheOnlyOutput()] });

        Assert.Empty(await scratch.Engine.Store.ListAsync(Token));
        Assert.NotEmpty(await scratch.Engine.Builds.Cache.ListAsync(Token));
    }

    [Fact]
    public async Task Cache_Prune_RemovesWhatNoImageHasFirst()
    {
        await using EngineScratch scratch = await PreparedAsync();
        await scratch.BuildAsync(Options(scratch) with { Outputs = [new CacheOnlyOutput()] });
        BuildCache cache = scratch.Engine.Builds.Cache;
        int count = (await cache.ListAsync(Token)).Length;

        Assert.Empty((await cache.PruneAsync(new() { UnusedSince = DateTimeOffset.UnixEpoch }, Token)).Removed);
        Assert.Empty((await cache.PruneAsync(new() { KeepBytes = long.MaxValue }, Token)).Removed);
        BuildCachePruneReport report = await cache.PruneAsync(new() { All = true }, Token);

        Assert.Equal(count, report.Removed.Length);
        Assert.True(report.FreedBytes > 0);
        Assert.Empty(await cache.ListAsync(Token));
    }

    private static async Task<EngineScratch> PreparedAsync()
    {
        EngineScratch scratch = await EngineScratch.OpenAsync();
        scratch.File("Dockerfile", Dockerfile);
        File.SetUnixFileMode(scratch.File("a", "content"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        return scratch;
    }

    private static ImageBuildOptions Options(EngineScratch scratch) => new() { Context = new DirectoryBuildContext(scratch.Context) };
}
