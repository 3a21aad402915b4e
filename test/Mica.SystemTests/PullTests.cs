using System.Text.Json;

namespace Mica.SystemTests;

/// <summary>Pulling what skopeo pushed into Debian's docker-registry.</summary>
public sealed class PullTests(Workbench bench)
{
    [Theory]
    [InlineData("busybox:latest")]
    [InlineData("multi:latest")]
    [InlineData("multi:docker")]
    [InlineData("debian:docker")]
    [InlineData("python:3")]
    [InlineData("python:docker")]
    [InlineData("python:zstd")]
    [InlineData("odd:latest")]
    [InlineData("odd:zstd")]
    [InlineData("odd:plain")]
    public async Task Pull_WhatSkopeoPushed_KeepsEveryByte(string name)
    {
        await using MicaRoot mica = bench.NewRoot();
        FixtureImage image = bench.Images[name];
        string reference = $"{bench.Registry.Address}/{name}";

        string output = await mica.RunAsync("pull", reference);

        string[] lines = output.TrimEnd('\n').Split('\n');
        Assert.Equal(await bench.Registry.DigestOfAsync(name), image.Digest);
        Assert.Contains($"Digest: {image.Digest}", lines);
        Assert.Contains($"Status: Downloaded newer image for {reference}", lines);
        Assert.Equal(reference, lines[^1]);
        Assert.Equal(await File.ReadAllBytesAsync(bench.Images.Blob(image.Digest), Token), await File.ReadAllBytesAsync(mica.Blob(image.Digest), Token));
        Assert.Equal(image.Config, (string)(await mica.InspectAsync(reference))["Id"]!);
        Assert.Equal($"{bench.Registry.Address}/{name[..name.IndexOf(':')]}@{image.Digest}", (string)(await mica.InspectAsync(reference))["RepoDigests"]![0]!);
        await mica.CheckAsync();
    }

    [Fact]
    public async Task Pull_PlainProgress_SaysForEveryLayerWhatHappened()
    {
        await using MicaRoot mica = bench.NewRoot();
        FixtureImage image = bench.Images["odd:latest"];

        string output = await mica.RunAsync("pull", $"{bench.Registry.Address}/odd:latest");

        Assert.StartsWith("latest: Pulling from odd\n", output, StringComparison.Ordinal);
        Assert.All(image.Layers, layer => Assert.Contains($"{layer.Digest[7..19]}: Pull complete\n", output, StringComparison.Ordinal));
        Assert.DoesNotContain('\r', output);
        Assert.DoesNotContain('\e', output);
    }

    [Fact]
    public async Task Pull_SecondTime_IsUpToDateAndFetchesNoBlob()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("again");
        await registry.PushAsync(bench.Images, "odd:latest");
        await using MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", $"{registry.Address}/odd");
        int before = (await BlobRequestsAsync(registry)).Length;

        string output = await mica.RunAsync("pull", $"{registry.Address}/odd");

        Assert.Contains($"Status: Image is up to date for {registry.Address}/odd:latest\n", output, StringComparison.Ordinal);
        Assert.Equal(before, (await BlobRequestsAsync(registry)).Length);
    }

    [Fact]
    public async Task Pull_NoTag_SaysWhichTagItTakes()
    {
        await using MicaRoot mica = bench.NewRoot();

        string output = await mica.RunAsync("pull", $"{bench.Registry.Address}/busybox");

        Assert.StartsWith("Using default tag: latest\n", output, StringComparison.Ordinal);
        Assert.EndsWith($"\n{bench.Registry.Address}/busybox:latest\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_Quiet_PrintsTheNameOnly()
    {
        await using MicaRoot mica = bench.NewRoot();

        CommandResult result = await mica.TryAsync("pull", "-q", $"{bench.Registry.Address}/busybox");

        Assert.Equal((0, $"{bench.Registry.Address}/busybox:latest\n", ""), (result.ExitCode, result.Output, result.Errors));
    }

    [Fact]
    public async Task Pull_JsonProgress_IsAnObjectPerLine()
    {
        await using MicaRoot mica = bench.NewRoot();

        CommandResult result = (await mica.TryAsync("--progress=json", "pull", $"{bench.Registry.Address}/odd")).Succeeded();

        string[] objects = [.. (result.Output + result.Errors).Split('\n').Where(line => line.StartsWith('{'))];
        Assert.NotEmpty(objects);
        Assert.All(objects, line => Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(line).RootElement.ValueKind));
    }

    [Fact]
    public async Task Pull_ByDigest_HasNoTag()
    {
        await using MicaRoot mica = bench.NewRoot();
        FixtureImage image = bench.Images["busybox:latest"];
        string reference = $"{bench.Registry.Address}/busybox@{image.Digest}";

        string output = await mica.RunAsync("pull", reference);

        Assert.EndsWith($"\n{reference}\n", output, StringComparison.Ordinal);
        Assert.Equal(
            $"{bench.Registry.Address}/busybox <none> {image.Digest} {image.Config[7..19]}\n",
            await mica.RunAsync("images", "-a", "--format", "{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}}"));
        Assert.Equal(image.Config, (string)(await mica.InspectAsync(reference))["Id"]!);
    }

    [Fact]
    public async Task Pull_SharedLayers_AreFetchedOnce()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("once");
        await registry.PushAsync(bench.Images, "python:3", "node:18");
        await using MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", $"{registry.Address}/python:3");

        string output = await mica.RunAsync("pull", $"{registry.Address}/node:18");

        string[] requests = await BlobRequestsAsync(registry);
        Assert.All(bench.Images["node:18"].Layers.Take(2), layer =>
        {
            Assert.Contains($"{layer.Digest[7..19]}: Already exists\n", output, StringComparison.Ordinal);
            Assert.DoesNotContain(requests, request => request.Contains($"/node/blobs/{layer.Digest}", StringComparison.Ordinal) && request.StartsWith("GET", StringComparison.Ordinal));
        });
    }

    [Fact]
    public async Task Pull_Platform_TakesThatOneOfTheIndex()
    {
        await using MicaRoot mica = bench.NewRoot();

        await mica.RunAsync("pull", "--platform", "linux/arm64", $"{bench.Registry.Address}/multi");

        Assert.Equal("arm64\n", await mica.RunAsync("inspect", "--format", "{{.Architecture}}", $"{bench.Registry.Address}/multi"));
        Assert.True(File.Exists(mica.Blob(bench.Images["multi:latest"].Digest)), "the index is not kept whole");
        Assert.True(File.Exists(mica.Blob(bench.Images.Platforms("multi:latest")["arm64"])));
    }

    [Fact]
    public async Task Pull_PlatformThatIsNotThere_SaysSo()
    {
        await using MicaRoot mica = bench.NewRoot();

        string error = await mica.FailAsync(1, "pull", "--platform", "linux/s390x", $"{bench.Registry.Address}/multi");

        Assert.Contains("no matching manifest for linux/s390x in the manifest list entries", error, StringComparison.Ordinal);
        Assert.Equal("", await mica.RunAsync("images", "-q"));
    }

    [Fact]
    public async Task Pull_AllTags_PullsEveryTagOfTheRepository()
    {
        await using MicaRoot mica = bench.NewRoot();

        await mica.RunAsync("pull", "-a", $"{bench.Registry.Address}/multi");

        string[] names = (await mica.RunAsync("images", "--format", "{{.Repository}}:{{.Tag}}")).TrimEnd().Split('\n');
        Assert.Equal([$"{bench.Registry.Address}/multi:docker", $"{bench.Registry.Address}/multi:latest"], names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Pull_AllTagsOfATag_IsMisuse()
    {
        await using MicaRoot mica = bench.NewRoot();

        CommandResult result = await mica.TryAsync("pull", "-a", $"{bench.Registry.Address}/multi:latest");

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("tag can't be used with --all-tags/-a", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_TagMovedInTheRegistry_KeepsTheOldDigestAndUndoes()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("moved");
        await registry.PushAsync(bench.Images, "busybox:latest", "odd:latest");
        await using MicaRoot mica = bench.NewRoot();
        string name = $"{registry.Address}/busybox:latest";
        await mica.RunAsync("pull", name);
        await Shell.ScriptAsync(
            "skopeo copy -q --src-tls-verify=false --dest-tls-verify=false \"docker://$1/odd:latest\" \"docker://$1/busybox:latest\"", registry.Address);

        await mica.RunAsync("pull", name);

        Assert.Equal(bench.Images["odd:latest"].Config, (string)(await mica.InspectAsync(name))["Id"]!);
        string log = await mica.RunAsync("tag", "log", name);
        Assert.Contains(bench.Images["busybox:latest"].Digest[7..19], log, StringComparison.Ordinal);
        await mica.RunAsync("tag", "undo", name);
        Assert.Equal(bench.Images["busybox:latest"].Config, (string)(await mica.InspectAsync(name))["Id"]!);
        await mica.CheckAsync();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static async Task<string[]> BlobRequestsAsync(LoopbackRegistry registry) =>
        [.. (await registry.RequestsAsync()).Where(request => request.Contains("/blobs/", StringComparison.Ordinal))];
}
