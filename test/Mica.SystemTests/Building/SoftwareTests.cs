using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace Mica.SystemTests.Building;

/// <summary>Programs that people build in images, made by real compilers in real steps, and run.</summary>
public sealed class SoftwareTests(Workbench bench)
{
    /// <summary>Who builds.</summary>
    public enum Builder
    {
        Root,
        UserWithSubordinateIds,
        UserWithOneId,
    }

    [Theory]
    [InlineData(Builder.Root)]
    [InlineData(Builder.UserWithSubordinateIds)]
    [InlineData(Builder.UserWithOneId)]
    public async Task C_BuiltByGcc_RunsAloneInAnImage(Builder builder)
    {
        await using BuildBench build = await OpenAsync(builder, "c");
        await build.PullAsync("debian:bookworm-slim", "debian");
        string[] flags = ["--build-context", "debs=" + await DebsAsync("gcc", "gcc", "libc6-dev", "make")];

        (string log, string tree) = await BuildAsync(build, flags);

        Assert.Contains("hello, STEP", log, StringComparison.Ordinal);
        Assert.Equal("hello, WORLD\n", (await Shell.RunAsync([Path.Combine(tree, "hello"), "world"])).Succeeded().Output);
        Assert.Equal(["hello"], Directory.GetFileSystemEntries(tree).Select(Path.GetFileName));
        Assert.Equal("[\"/hello\"] [\"world\"]", await CommandAsync(build));
    }

    [Theory]
    [InlineData(Builder.Root)]
    [InlineData(Builder.UserWithSubordinateIds)]
    public async Task Node_BundledApp_RunsAsItsUser(Builder builder)
    {
        await using BuildBench build = await OpenAsync(builder, "node");
        await build.PullAsync("node:18", "node");

        (_, string tree) = await BuildAsync(build);

        Assert.Equal("app 1.2.3: 15 zipped\n", await File.ReadAllTextAsync(Path.Combine(tree, "tmp/said"), TestContext.Current.CancellationToken));
        Assert.Equal("null [\"node\",\"/srv/app/app.js\"]", await CommandAsync(build));
        Assert.Equal("app", (string?)(await build.Mica.InspectAsync("software"))["Config"]!["User"]);
    }

    [Theory]
    [InlineData(Builder.Root)]
    public async Task DotNet_PublishedWithoutANetwork_Runs(Builder builder)
    {
        await using BuildBench build = await OpenAsync(builder, "dotnet");
        await build.PullAsync("debian:bookworm-slim", "debian");
        string sdk = (await Shell.ScriptAsync("dirname \"$(readlink -f \"$(command -v dotnet)\")\"")).Trim();
        string[] flags = ["--build-context", "debs=" + await DebsAsync("dotnet", "libssl3"), "--build-context", "sdk=" + sdk];

        (_, string tree) = await BuildAsync(build, flags);

        Assert.Equal("10: 1+2+3 = 6\n", await File.ReadAllTextAsync(Path.Combine(tree, "said"), TestContext.Current.CancellationToken));
        Assert.Equal("[\"/usr/share/dotnet/dotnet\",\"/app/app.dll\"] null", await CommandAsync(build));
    }

    private async Task<BuildBench> OpenAsync(Builder builder, string software)
    {
        BuildBench build = await BuildBench.OpenAsync(bench, builder switch
        {
            Builder.Root => null,
            _ => await OrdinaryUser.NewRootAsync(bench, builder == Builder.UserWithSubordinateIds),
        });
        await Shell.ScriptAsync(
            "cp -R \"$1/.\" \"$2\"; chmod -R u=rwX,go=rX \"${2%/*}\"", Path.Combine(Path.GetDirectoryName(OwnFile())!, "Software", software), build.Context);
        return build;
    }

    /// <summary>A copy, because the fixtures lie in a home directory that other users may not enter.</summary>
    private async Task<string> DebsAsync(params string[] words)
    {
        string copy = bench.NewDirectory("debs");
        await Shell.ScriptAsync("debs=$1 copy=$2; shift 2; cp \"$(\"$debs\" \"$@\")\"/*.deb \"$copy\"", [bench.Fixture("debs.sh"), copy, .. words]);
        return copy;
    }

    /// <summary>Builds the image, then again for its files, which executes nothing.</summary>
    private static async Task<(string Log, string Tree)> BuildAsync(BuildBench build, params string[] flags)
    {
        string[] words = ["build", "--progress=plain", "--network", "none", .. flags];
        string tree = Path.Combine(build.Mica.Home, "files");
        string log = (await build.Mica.TryAsync([.. words, "-t", "software", build.Context])).Succeeded().Errors;
        string again = (await build.Mica.TryAsync([.. words, "-o", tree, build.Context])).Succeeded().Errors;
        Assert.DoesNotMatch("RUN [^\n]*\n#[0-9]+ DONE", again);
        await build.NothingIsLeftAsync();
        return (log, tree);
    }

    private static async Task<string> CommandAsync(BuildBench build)
    {
        JsonNode config = (await build.Mica.InspectAsync("software"))["Config"]!;
        return $"{config["Entrypoint"]?.ToJsonString() ?? "null"} {config["Cmd"]?.ToJsonString() ?? "null"}";
    }

    private static string OwnFile([CallerFilePath] string path = "") => path;
}
