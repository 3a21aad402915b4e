namespace Mica.SystemTests;

/// <summary>save and load, with skopeo and umoci at the other end.</summary>
public sealed class ArchiveTests(Workbench bench)
{
    [Fact]
    public async Task Save_ThenLoad_IsTheSameImage()
    {
        await using MicaRoot mica = await PulledAsync("python:3");
        string name = $"{bench.Registry.Address}/python:3";
        string file = Path.Combine(bench.NewDirectory("save"), "image.tar");
        await using MicaRoot other = bench.NewRoot();

        await mica.RunAsync("save", "-o", file, name);
        string output = await other.RunAsync("load", "-i", file);

        Assert.Equal($"Loaded image: {name}\n", output);
        Assert.Equal(bench.Images["python:3"].Config, (string)(await other.InspectAsync(name))["Id"]!);
        await other.CheckAsync();
    }

    [Fact]
    public async Task Save_Archive_IsReadBySkopeo()
    {
        await using MicaRoot mica = await PulledAsync("odd:latest");
        string file = Path.Combine(bench.NewDirectory("save"), "image.tar");

        await mica.RunAsync("save", "-o", file, $"{bench.Registry.Address}/odd:latest");

        string config = await Shell.ScriptAsync("skopeo inspect --config --raw \"docker-archive:$1\" | sha256sum | cut -d' ' -f1", file);
        Assert.Equal(bench.Images["odd:latest"].Config, "sha256:" + config.Trim());
        await Shell.ScriptAsync("skopeo copy -q \"docker-archive:$1\" \"dir:$2\"", file, bench.NewDirectory("copied"));
    }

    [Fact]
    public async Task Save_SeveralImagesToAPipe_LoadFromAPipe()
    {
        await using MicaRoot mica = await PulledAsync("busybox:latest", "odd:latest");
        await using MicaRoot other = bench.NewRoot();
        string registry = bench.Registry.Address;

        string output = await Shell.ScriptAsync(
            "\"$1\" --root \"$2\" save \"$4/busybox\" \"$4/odd\" | \"$1\" --root \"$3\" load", bench.Binary, mica.Store, other.Store, registry);

        Assert.Equal([$"Loaded image: {registry}/busybox:latest", $"Loaded image: {registry}/odd:latest"], output.TrimEnd().Split('\n').Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Save_Twice_IsTheSameFile()
    {
        await using MicaRoot mica = await PulledAsync("odd:latest");
        string directory = bench.NewDirectory("save");

        await mica.RunAsync("save", "-o", Path.Combine(directory, "a"), $"{bench.Registry.Address}/odd");
        await mica.RunAsync("save", "-o", Path.Combine(directory, "b"), $"{bench.Registry.Address}/odd");

        await Shell.ScriptAsync("cmp \"$1/a\" \"$1/b\"", directory);
    }

    [Theory]
    [InlineData("docker-archive", "busybox:latest")]
    [InlineData("docker-archive", "python:3")]
    [InlineData("oci-archive", "odd:zstd")]
    public async Task Load_WhatSkopeoMade_HasTheSameContent(string transport, string name)
    {
        string file = Path.Combine(bench.NewDirectory("skopeo"), "image.tar");
        await Shell.ScriptAsync("skopeo copy -q \"oci:$1:$2\" \"$3:$4:example.org/loaded:1\"", bench.Images.Layout, name, transport, file);
        await using MicaRoot mica = bench.NewRoot();

        await mica.RunAsync("load", "-i", file);

        string id = (await mica.RunAsync("images", "-aq", "--no-trunc")).Trim();
        Assert.Equal(
            bench.Images[name].Layers.Select(layer => layer.DiffId),
            (await mica.InspectAsync(id))["RootFS"]!["Layers"]!.AsArray().Select(diffId => (string)diffId!));
        await mica.CheckAsync();
    }

    [Fact]
    public async Task Load_TruncatedArchive_FailsAndLeavesNothing()
    {
        await using MicaRoot mica = await PulledAsync("odd:latest");
        string file = Path.Combine(bench.NewDirectory("save"), "image.tar");
        await mica.RunAsync("save", "-o", file, $"{bench.Registry.Address}/odd");
        await Shell.ScriptAsync("truncate -s -500000 \"$1\"", file);
        await using MicaRoot other = bench.NewRoot();

        await other.FailAsync(1, "load", "-i", file);

        Assert.Equal("", await other.RunAsync("images", "-aq"));
        await other.CheckAsync();
    }

    [Fact]
    public async Task Load_NotAnArchive_SaysSo()
    {
        await using MicaRoot mica = bench.NewRoot();
        string file = Path.Combine(bench.NewDirectory("load"), "text");
        await File.WriteAllTextAsync(file, "this is no archive\n", TestContext.Current.CancellationToken);

        Assert.Contains(file, await mica.FailAsync(1, "load", "-i", file), StringComparison.Ordinal);
    }

    private async Task<MicaRoot> PulledAsync(params string[] names)
    {
        MicaRoot mica = bench.NewRoot();
        foreach (string name in names)
        {
            await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/{name}");
        }

        return mica;
    }
}
