namespace Mica.SystemTests;

/// <summary>Naming images and pushing them; skopeo reads what we pushed.</summary>
public sealed class TagAndPushTests(Workbench bench)
{
    [Theory]
    [InlineData("odd:latest")]
    [InlineData("python:docker")]
    [InlineData("python:zstd")]
    [InlineData("odd:plain")]
    public async Task Push_ToAnotherRegistry_IsTheSameManifest(string name)
    {
        await using LoopbackRegistry other = await bench.StartRegistryAsync("push");
        await using MicaRoot mica = bench.NewRoot();
        FixtureImage image = bench.Images[name];
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/{name}");
        await mica.RunAsync("tag", $"{bench.Registry.Address}/{name}", $"{other.Address}/copy/of:it");

        string output = await mica.RunAsync("push", $"{other.Address}/copy/of:it");

        Assert.StartsWith($"The push refers to repository [{other.Address}/copy/of]\n", output, StringComparison.Ordinal);
        Assert.All(image.Layers, layer => Assert.Matches($"(?m)^{layer.Digest[7..19]}: Pushed$", output));
        Assert.Matches($@"(?m)^it: digest: {image.Digest} size: \d+$", output);
        Assert.Equal(image.Digest, await other.DigestOfAsync("copy/of:it"));
        Assert.All(image.Layers, layer => Assert.Equal(File.ReadAllBytes(layer.File), File.ReadAllBytes(other.BlobFile(layer.Digest))));
        await Shell.ScriptAsync(
            "skopeo copy -q --src-tls-verify=false --preserve-digests \"docker://$1/copy/of:it\" \"dir:$2\"", other.Address, bench.NewDirectory("copied"));
    }

    [Fact]
    public async Task Push_Index_PushesEveryPlatformThatIsThere()
    {
        await using LoopbackRegistry other = await bench.StartRegistryAsync("index");
        await using MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("copy", "--all", $"docker://{bench.Registry.Address}/multi:latest", $"mica:{other.Address}/multi:latest");

        await mica.RunAsync("push", $"{other.Address}/multi:latest");

        Assert.Equal(bench.Images["multi:latest"].Digest, await other.DigestOfAsync("multi:latest"));
        await Shell.ScriptAsync("skopeo copy -q --all --src-tls-verify=false \"docker://$1/multi:latest\" \"dir:$2\"", other.Address, bench.NewDirectory("copied"));
    }

    [Fact]
    public async Task Push_OnePlatformOfAnIndex_LeavesTheStoreAsItWas()
    {
        await using LoopbackRegistry other = await bench.StartRegistryAsync("platform");
        await using MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("copy", "--all", $"docker://{bench.Registry.Address}/multi:latest", $"mica:{other.Address}/multi:latest");
        string before = await mica.RunAsync("images", "-a", "--digests");

        await mica.RunAsync("push", "--platform", "linux/arm64", $"{other.Address}/multi:latest");

        Assert.Equal(before, await mica.RunAsync("images", "-a", "--digests"));
    }

    [Fact]
    public async Task Push_SecondTime_SendsNothing()
    {
        await using LoopbackRegistry other = await bench.StartRegistryAsync("twice");
        await using MicaRoot mica = await TaggedAsync("odd:latest", $"{other.Address}/odd:latest");
        await mica.RunAsync("push", $"{other.Address}/odd:latest");
        int uploads = (await UploadsAsync(other)).Length;

        string output = await mica.RunAsync("push", $"{other.Address}/odd:latest");

        Assert.All(bench.Images["odd:latest"].Layers, layer => Assert.Contains($"{layer.Digest[7..19]}: Layer already exists\n", output, StringComparison.Ordinal));
        Assert.Equal(uploads, (await UploadsAsync(other)).Length);
    }

    [Fact]
    public async Task Push_ToAnotherRepositoryOfTheRegistry_Mounts()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("mount");
        await registry.PushAsync(bench.Images, "odd:latest");
        await using MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", "-q", $"{registry.Address}/odd:latest");
        await mica.RunAsync("tag", $"{registry.Address}/odd:latest", $"{registry.Address}/second:latest");

        string output = await mica.RunAsync("push", $"{registry.Address}/second:latest");

        Assert.All(bench.Images["odd:latest"].Layers, layer => Assert.Contains($"{layer.Digest[7..19]}: Mounted from odd\n", output, StringComparison.Ordinal));
        Assert.DoesNotContain(await registry.RequestsAsync(), request => request.StartsWith("PATCH /v2/second/", StringComparison.Ordinal));
        Assert.Equal(bench.Images["odd:latest"].Digest, await registry.DigestOfAsync("second:latest"));
    }

    [Fact]
    public async Task Push_Quiet_PrintsTheNameOnly()
    {
        await using LoopbackRegistry other = await bench.StartRegistryAsync("quiet");
        await using MicaRoot mica = await TaggedAsync("busybox:latest", $"{other.Address}/busybox:latest");

        Assert.Equal($"{other.Address}/busybox:latest\n", await mica.RunAsync("push", "-q", $"{other.Address}/busybox:latest"));
    }

    [Fact]
    public async Task Push_CompressionZstd_MakesAnImageWithTheSameDiffIds()
    {
        await using LoopbackRegistry other = await bench.StartRegistryAsync("zstd");
        await using MicaRoot mica = await TaggedAsync("odd:latest", $"{other.Address}/odd:zst");

        await mica.RunAsync("push", "--compression", "zstd", $"{other.Address}/odd:zst");

        string manifest = await Shell.ScriptAsync("skopeo inspect --raw --tls-verify=false \"docker://$1/odd:zst\"", other.Address);
        Assert.Contains("application/vnd.oci.image.layer.v1.tar+zstd", manifest, StringComparison.Ordinal);
        Assert.DoesNotContain("tar+gzip", manifest, StringComparison.Ordinal);
        await using MicaRoot reader = bench.NewRoot();
        await reader.RunAsync("pull", "-q", $"{other.Address}/odd:zst");
        Assert.Equal(
            bench.Images["odd:latest"].Layers.Select(layer => layer.DiffId),
            (await reader.InspectAsync($"{other.Address}/odd:zst"))["RootFS"]!["Layers"]!.AsArray().Select(id => (string)id!));
    }

    [Fact]
    public async Task Push_NothingOfThatName_SaysSo()
    {
        await using MicaRoot mica = bench.NewRoot();

        string error = await mica.FailAsync(1, "push", $"{bench.Registry.Address}/nothing:here");

        Assert.Contains($"An image does not exist locally with the tag: {bench.Registry.Address}/nothing", error, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Tag_NewName_MeansTheSameImage()
    {
        await using MicaRoot mica = await TaggedAsync("busybox:latest", "mine:v1");

        Assert.Equal(bench.Images["busybox:latest"].Config, (string)(await mica.InspectAsync("mine:v1"))["Id"]!);
        Assert.Equal(bench.Images["busybox:latest"].Config, (string)(await mica.InspectAsync(bench.Images["busybox:latest"].Config[7..15]))["Id"]!);
    }

    [Theory]
    [InlineData("Mine", "must be lowercase")]
    [InlineData("mine@sha256:0000000000000000000000000000000000000000000000000000000000000000", "refusing to create a tag with a digest reference")]
    [InlineData("a//b", "invalid reference format")]
    public async Task Tag_BadTarget_IsRefusedInDockersWords(string target, string words)
    {
        await using MicaRoot mica = await TaggedAsync("busybox:latest", "mine:v1");

        CommandResult result = await mica.TryAsync("tag", "mine:v1", target);

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(words, result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tag_NoSuchImage_SaysWhich()
    {
        await using MicaRoot mica = bench.NewRoot();

        Assert.Contains("no such image: nothing:latest", await mica.FailAsync(1, "tag", "nothing", "mine"), StringComparison.OrdinalIgnoreCase);
    }

    private async Task<MicaRoot> TaggedAsync(string image, string name)
    {
        MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/{image}");
        Assert.Equal("", await mica.RunAsync("tag", $"{bench.Registry.Address}/{image}", name));
        return mica;
    }

    private static async Task<string[]> UploadsAsync(LoopbackRegistry registry) =>
        [.. (await registry.RequestsAsync()).Where(request => request.Contains("/blobs/uploads/", StringComparison.Ordinal))];
}
