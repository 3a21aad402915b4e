namespace Mica.SystemTests;

/// <summary>mica copy between all transports; skopeo and umoci read the results.</summary>
public sealed class CopyTests(Workbench bench)
{
    [Fact]
    public async Task Copy_RegistryToLayout_IsWhatSkopeoReads()
    {
        await using MicaRoot mica = bench.NewRoot();
        string layout = Path.Combine(bench.NewDirectory("copy"), "layout");

        await mica.RunAsync("copy", $"docker://{bench.Registry.Address}/odd:latest", $"oci:{layout}:kept");

        Assert.Equal(bench.Images["odd:latest"].Digest, await SkopeoDigestAsync($"oci:{layout}:kept"));
        Assert.All(bench.Images["odd:latest"].Layers, layer =>
            Assert.Equal(File.ReadAllBytes(layer.File), File.ReadAllBytes(Path.Combine(layout, "blobs", layer.Digest.Replace(':', '/')))));
    }

    [Fact]
    public async Task Copy_ToLayout_IsUnpackedByUmoci()
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        await using MicaRoot mica = bench.NewRoot();
        string directory = bench.NewDirectory("umoci");
        await mica.RunAsync("copy", $"docker://{bench.Registry.Address}/python:3", $"oci:{directory}/layout:kept");

        await Shell.ScriptAsync("umoci unpack --image \"$1/layout:kept\" \"$1/bundle\"", directory);

        Assert.Equal("print(\"hello\")\n", await File.ReadAllTextAsync($"{directory}/bundle/rootfs/app/hello.py", TestContext.Current.CancellationToken));
        Assert.False(Directory.Exists($"{directory}/bundle/rootfs/usr/share/doc"));
    }

    [Theory]
    [InlineData("multi:latest")]
    [InlineData("multi:docker")]
    public async Task Copy_AllPlatforms_KeepsTheIndex(string name)
    {
        await using MicaRoot mica = bench.NewRoot();
        await using LoopbackRegistry other = await bench.StartRegistryAsync("copy");

        await mica.RunAsync("copy", "--all", $"docker://{bench.Registry.Address}/{name}", $"docker://{other.Address}/all:1");

        Assert.Equal(bench.Images[name].Digest, await other.DigestOfAsync("all:1"));
        await Shell.ScriptAsync("skopeo copy -q --all --src-tls-verify=false \"docker://$1/all:1\" \"dir:$2\"", other.Address, bench.NewDirectory("copied"));
    }

    [Fact]
    public async Task Copy_OnePlatformOfAnIndex_IsThatManifest()
    {
        await using MicaRoot mica = bench.NewRoot();
        string layout = Path.Combine(bench.NewDirectory("copy"), "layout");

        await mica.RunAsync("copy", $"docker://{bench.Registry.Address}/multi:latest", $"oci:{layout}:one");

        Assert.Contains(await SkopeoDigestAsync($"oci:{layout}:one"), bench.Images.Platforms("multi:latest").Values);
    }

    [Theory]
    [InlineData("oci:{0}/x:tag", "oci:{0}/x:tag", "python:3")]
    [InlineData("oci-archive:{0}/x.tar", "oci-archive:{0}/x.tar", "odd:latest")]
    [InlineData("dir:{0}/x", "dir:{0}/x", "python:docker")]
    [InlineData("mica:kept:1", "mica:kept:1", "odd:zstd")]
    public async Task Copy_ThereAndBack_IsTheSameDigest(string target, string source, string name)
    {
        await using MicaRoot mica = bench.NewRoot();
        await using LoopbackRegistry other = await bench.StartRegistryAsync("back");
        string directory = bench.NewDirectory("copy");

        await mica.RunAsync("copy", $"docker://{bench.Registry.Address}/{name}", string.Format(null, target, directory));
        await mica.RunAsync("copy", string.Format(null, source, directory), $"docker://{other.Address}/back:1");

        Assert.Equal(bench.Images[name].Digest, await other.DigestOfAsync("back:1"));
    }

    [Fact]
    public async Task Copy_ToDockerArchive_KeepsTheConfig()
    {
        await using MicaRoot mica = bench.NewRoot();
        string file = Path.Combine(bench.NewDirectory("copy"), "x.tar");

        await mica.RunAsync("copy", $"docker://{bench.Registry.Address}/odd:latest", $"docker-archive:{file}");

        Assert.Equal(bench.Images["odd:latest"].Config, await ConfigDigestAsync($"docker-archive:{file}"));
    }

    [Theory]
    [InlineData("oci-archive")]
    [InlineData("docker-archive")]
    [InlineData("dir")]
    [InlineData("oci")]
    public async Task Copy_FromWhatSkopeoWrote_IsTheSameConfig(string transport)
    {
        string path = Path.Combine(bench.NewDirectory("skopeo"), "x");
        string tag = transport is "oci" or "oci-archive" ? ":tag" : "";
        await Shell.ScriptAsync("skopeo copy -q \"oci:$1:odd:latest\" \"$2\"", bench.Images.Layout, $"{transport}:{path}{tag}");
        await using MicaRoot mica = bench.NewRoot();

        await mica.RunAsync("copy", $"{transport}:{path}{tag}", "mica:read:1");

        Assert.Equal(
            bench.Images["odd:latest"].Layers.Select(layer => layer.DiffId),
            (await mica.InspectAsync("read:1"))["RootFS"]!["Layers"]!.AsArray().Select(diffId => (string)diffId!));
    }

    [Theory]
    [InlineData("docker://{0}/nothing:here", "nothing:here")]
    [InlineData("oci:/nowhere/at/all:x", "/nowhere/at/all")]
    [InlineData("docker-archive:/nowhere.tar", "/nowhere.tar")]
    [InlineData("mica:nothing:here", "nothing:here")]
    public async Task Copy_NothingThere_NamesTheSource(string source, string words)
    {
        await using MicaRoot mica = bench.NewRoot();
        string target = Path.Combine(bench.NewDirectory("copy"), "x");

        Assert.Contains(words, await mica.FailAsync(1, "copy", string.Format(null, source, bench.Registry.Address), $"oci:{target}:x"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Copy_NoTransport_IsMisuse()
    {
        await using MicaRoot mica = bench.NewRoot();

        CommandResult result = await mica.TryAsync("copy", "no-transport", "oci:/tmp/x:y");

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("no-transport", result.Errors, StringComparison.Ordinal);
    }

    private static async Task<string> SkopeoDigestAsync(string source) =>
        "sha256:" + (await Shell.ScriptAsync("skopeo inspect --raw \"$1\" | sha256sum | cut -d' ' -f1", source)).Trim();

    private static async Task<string> ConfigDigestAsync(string source) =>
        "sha256:" + (await Shell.ScriptAsync("skopeo inspect --config --raw \"$1\" | sha256sum | cut -d' ' -f1", source)).Trim();
}
