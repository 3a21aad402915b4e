using Mica.Build;
using Mica.Engine;
using Mica.Oci;
using Mica.Store;
using Mica.Tests.Registry;

namespace Mica.Tests.Builds;

public sealed class BuildCacheExchangeTests
{
    private const string Dockerfile = """
        FROM scratch AS made
        COPY one /one
        COPY two /two
        FROM scratch
        WORKDIR /work
        COPY --from=made /one /
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static async Task<EngineScratch> OpenAsync()
    {
        EngineScratch scratch = await EngineScratch.OpenAsync();
        scratch.File("one", "1");
        scratch.File("two", "2");
        scratch.File("Dockerfile", Dockerfile);
        return scratch;
    }

    private static ImageBuildOptions Options(EngineScratch scratch) => new() { Context = new DirectoryBuildContext(scratch.Context) };

    private static (int Executed, int Cached) Counts(BuiltImage built) => (built.Platforms[0].Result.Executed, built.Platforms[0].Result.Cached);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Cache_OfARegistryOrADirectory_SparesAnotherMachineItsSteps(bool local)
    {
        await using TestRegistry registry = await TestRegistry.StartAsync();
        await using EngineScratch first = await OpenAsync(), second = await OpenAsync();
        string directory = Path.Join(first.Root, "cache");
        var name = ImageReference.Parse($"{registry.Host}/cache:1");
        CacheTarget target = local ? new LocalCacheTarget(directory) { HasAllStages = true } : new RegistryCacheTarget(name) { HasAllStages = true };
        CacheSource source = local ? new LocalCacheSource(directory) : new RegistryCacheSource(name);
        BuiltImage built = await first.BuildAsync(Options(first) with { CacheTo = [target] });

        BuiltImage again = await second.BuildAsync(Options(second) with { CacheFrom = [source] });

        Assert.DoesNotContain(second.Events.OfType<StepNotice>(), notice => notice.Text.StartsWith("no ", StringComparison.Ordinal));
        Assert.Equal((0, 4), Counts(again));
        Assert.Equal(built.Id, again.Id);
        Assert.Equal(["one 1"], await second.FilesAsync(Options(second)));
        Assert.Empty((await second.Engine.Store.CheckAsync(new StoreCheckOptions(), null, Token)).Findings);

        // They are its own now: the next build needs no cache.
        Assert.Equal((0, 4), Counts(await second.BuildAsync(Options(second))));
        second.File("two", "changed");
        Assert.Equal((1, 3), Counts(await second.BuildAsync(Options(second) with { CacheFrom = [source] })));
    }

    [Fact]
    public async Task Cache_Min_HasOnlyWhatLedToTheImage()
    {
        await using EngineScratch first = await OpenAsync(), second = await OpenAsync();
        string directory = Path.Join(first.Root, "cache");
        await first.BuildAsync(Options(first) with { CacheTo = [new LocalCacheTarget(directory)] });

        Assert.Equal((2, 2), Counts(await second.BuildAsync(Options(second) with { CacheFrom = [new LocalCacheSource(directory)] })));
    }

    [Fact]
    public async Task Cache_Inline_IsInThePushedImage()
    {
        await using TestRegistry registry = await TestRegistry.StartAsync();
        await using EngineScratch first = await OpenAsync(), second = await OpenAsync();
        var name = ImageReference.Parse($"{registry.Host}/app:1");
        await first.BuildAsync(Options(first) with { Names = [name], Outputs = [new ImageOutput(Push: true)], CacheTo = [new InlineCacheTarget()] });

        BuiltImage again = await second.BuildAsync(Options(second) with { CacheFrom = [new RegistryCacheSource(name)] });

        Assert.Equal((2, 2), Counts(again));
    }

    [Fact]
    public async Task Cache_MissingOrDamaged_IsToldAndTheStepsAreExecuted()
    {
        await using TestRegistry registry = await TestRegistry.StartAsync();
        await using EngineScratch first = await OpenAsync(), second = await OpenAsync();
        string directory = Path.Join(first.Root, "cache");
        await first.BuildAsync(Options(first) with { CacheTo = [new LocalCacheTarget(directory) { HasAllStages = true }] });
        foreach (string blob in Directory.GetFiles(Path.Join(directory, "blobs/sha256")).Where(file => new FileInfo(file).Length < 200))
        {
            await File.WriteAllBytesAsync(blob, new byte[new FileInfo(blob).Length], Token);
        }

        BuiltImage built = await second.BuildAsync(Options(second) with
        {
            CacheFrom = [new RegistryCacheSource(ImageReference.Parse($"{registry.Host}/none:1")), new LocalCacheSource(directory)],
        });

        Assert.Equal((4, 0), Counts(built));
        Assert.Contains(second.Events.OfType<StepNotice>(), notice => notice.Text.StartsWith($"no cache from {registry.Host}/none:1: ", StringComparison.Ordinal));
        Assert.Empty((await second.Engine.Store.CheckAsync(new StoreCheckOptions(), null, Token)).Findings);
    }

    [Fact]
    public async Task Cache_Directory_DoesNotGrowForEver()
    {
        await using EngineScratch scratch = await OpenAsync();
        string directory = Path.Join(scratch.Root, "cache"), blobs = Path.Join(directory, "blobs/sha256");
        await scratch.BuildAsync(Options(scratch) with { CacheTo = [new LocalCacheTarget(directory) { HasAllStages = true }] });
        int count = Directory.GetFiles(blobs).Length;
        foreach (string file in Directory.GetFiles(blobs))
        {
            File.SetLastWriteTimeUtc(file, DateTime.UnixEpoch);
        }

        scratch.File("one", "changed");
        scratch.File("two", "changed too");
        await scratch.BuildAsync(Options(scratch) with { CacheTo = [new LocalCacheTarget(directory) { HasAllStages = true }] });

        Assert.Equal(count, Directory.GetFiles(blobs).Length);
    }
}
