using System.Collections.Immutable;
using System.Diagnostics;
using Mica.Build;
using Mica.Dockerfile;
using Mica.Engine;
using Mica.Layers;
using Mica.Oci;
using Mica.Store;

namespace Mica.Tests.Builds;

public sealed class SourceDateEpochTests
{
    private const string Name = "SOURCE_DATE_EPOCH";
    private const long Epoch = 1_700_000_000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static ImmutableDictionary<string, string> Given(string value) => ImmutableDictionary<string, string>.Empty.Add(Name, value);

    [Theory]
    [InlineData("12", null, "12")]
    [InlineData("", "7", "")]
    [InlineData(null, "7", "7")]
    [InlineData("12", "7", "12")]
    [InlineData("context", null, "99")]
    [InlineData(null, "context", "99")]
    [InlineData(null, null, null)]
    public void Resolve_ArgumentThenGlobalArg_IsSecondsOrNothing(string? given, string? global, string? expected)
    {
        var document = DockerfileDocument.Parse($"{(global is null ? "" : $"ARG {Name}={global}\n")}FROM scratch\n");
        var arguments = given is null ? ImmutableDictionary<string, string>.Empty : Given(given);
        Assert.Equal(expected, SourceDateEpoch.Resolve(arguments, document, DateTimeOffset.FromUnixTimeSeconds(99)).GetValueOrDefault(Name));
    }

    [Fact]
    public void Resolve_ContextOfThisMachine_IsUnset() =>
        Assert.Null(SourceDateEpoch.Of(SourceDateEpoch.Resolve(Given("context"), DockerfileDocument.Parse("FROM scratch\n"), null)));

    [Theory]
    [InlineData("-1")]
    [InlineData("now")]
    [InlineData("253402300800")]
    public void Resolve_NoTime_IsRefused(string text) => Assert.Equal(ErrorKind.InvalidArgument,
        Assert.Throws<MicaException>(() => SourceDateEpoch.Resolve(Given(text), DockerfileDocument.Parse("FROM scratch\n"), null)).Kind);

    [Fact]
    public async Task Build_SameInputsInTwoRoots_GivesTheSameDigest()
    {
        BuiltImage first = await InRootOfItsOwnAsync(DateTime.UnixEpoch.AddSeconds(Epoch + 1000));
        BuiltImage second = await InRootOfItsOwnAsync(DateTime.UnixEpoch.AddSeconds(Epoch + 100_000));
        Assert.Equal(first.Root.Digest, second.Root.Digest);

        static async Task<BuiltImage> InRootOfItsOwnAsync(DateTime times)
        {
            await using EngineScratch scratch = await EngineScratch.OpenAsync();
            File.SetLastWriteTimeUtc(scratch.File("dir/a", "content"), times);
            Directory.SetLastWriteTimeUtc(Path.Join(scratch.Context, "dir"), times);
            scratch.File("Dockerfile", "FROM scratch\nWORKDIR /work\nCOPY dir /dir\nCOPY dir/a /b/\nCOPY <<EOF /c\nx\nEOF\nLABEL a=b\n");
            return await scratch.BuildAsync(Options(scratch) with { Arguments = Given($"{Epoch}") });
        }
    }

    [Theory]
    [InlineData(null, Epoch)]
    [InlineData(true, Epoch)]
    [InlineData(false, Epoch + 1000)]
    public async Task Output_RewritesTimestamps_DecidesAboutLaterTimes(bool? rewrites, long expected)
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        File.SetLastWriteTimeUtc(scratch.File("late", ""), DateTime.UnixEpoch.AddSeconds(Epoch + 1000));
        File.SetLastWriteTimeUtc(scratch.File("early", ""), DateTime.UnixEpoch.AddSeconds(5));
        scratch.File("Dockerfile", "FROM scratch\nCOPY late early /\n");

        BuiltImage built = await scratch.BuildAsync(Options(scratch) with
        {
            Arguments = Given($"{Epoch}"),
            Outputs = [new ImageOutput { RewritesTimestamps = rewrites }],
        });

        using var tree = new LayerStack(await scratch.Engine.Store.TreesAsync(built.Platforms[0].Result.Layers, Token), LayerWorkspace.WhiteoutForm);
        Assert.Equal((expected, 5L), (tree.Find(new LinuxPath("late"))!.Value.Modified.Seconds, tree.Find(new LinuxPath("early"))!.Value.Modified.Seconds));
    }

    [Fact]
    public async Task Output_RewritesTimestampsBothWays_IsRefused()
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        scratch.File("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
        MicaException failure = await Assert.ThrowsAsync<MicaException>(() => scratch.BuildAsync(Options(scratch) with
        {
            Outputs = [new ImageOutput { RewritesTimestamps = false }, new LocalOutput(Path.Join(scratch.Root, "out")) { RewritesTimestamps = true }],
        }));
        Assert.Equal(ErrorKind.InvalidArgument, failure.Kind);
    }

    [Fact]
    public async Task Output_RewritesTimestampsWithoutEpoch_SaysThatItHasNoEffect()
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        scratch.File("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
        await scratch.BuildAsync(Options(scratch) with { Outputs = [new ImageOutput { RewritesTimestamps = true }] });
        Assert.Contains(scratch.Events.OfType<StepNotice>(), notice => notice.Text.Contains("has no effect", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Context_OfATar_IsTheTimeOfItsNewestEntry()
    {
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        using var bytes = new MemoryStream();
        var archive = new TarWriter(bytes);
        foreach ((string path, string content, long time) in (ReadOnlySpan<(string, string, long)>)[("Dockerfile", "FROM scratch\nCOPY sub /\n", 10), ("sub/new", "x", 2000), ("old", "x", 1)])
        {
            archive.Write(new TarEntry { Kind = TarEntryKind.File, Path = new LinuxPath(path), Mode = 0x1a4, Size = content.Length, ModificationTime = new UnixTime(time, 0) },
                System.Text.Encoding.UTF8.GetBytes(content));
        }

        archive.Finish();
        bytes.Position = 0;
        Assert.Equal("1970-01-01T00:33:20Z", await CreatedAsync(scratch, new StreamBuildContext(bytes)));
    }

    [Fact]
    public async Task Context_OfACommit_IsTheTimeOfTheCommit()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/git"), "needs git");
        await using EngineScratch scratch = await EngineScratch.OpenAsync();
        scratch.File("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
        Git("init", "--quiet", "-b", "main", ".");
        Git("add", ".");
        Git("-c", "user.name=n", "-c", "user.email=e@x", "commit", "--quiet", "-m", "m");
        Assert.Equal("2001-09-09T01:46:40Z", await CreatedAsync(scratch, new GitBuildContext(new GitAddress(scratch.Context, "main", null))));

        void Git(params string[] arguments)
        {
            var start = new ProcessStartInfo("git", ["-C", scratch.Context, .. arguments]);
            start.Environment["GIT_COMMITTER_DATE"] = "1000000000 +0000";
            using Process process = Process.Start(start)!;
            process.WaitForExit();
            Assert.Equal(0, process.ExitCode);
        }
    }

    private static async Task<string?> CreatedAsync(EngineScratch scratch, BuildContext context)
    {
        BuiltImage built = await scratch.BuildAsync(new ImageBuildOptions { Context = context, Arguments = Given("context") });
        return (await Image.OpenAsync(scratch.Engine.Store, built.Root, Platform.Current, Token)).Config.Created;
    }

    private static ImageBuildOptions Options(EngineScratch scratch) => new() { Context = new DirectoryBuildContext(scratch.Context) };
}
