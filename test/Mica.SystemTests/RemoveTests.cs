namespace Mica.SystemTests;

/// <summary>Removing images, and what stays.</summary>
public sealed class RemoveTests(Workbench bench)
{
    [Fact]
    public async Task Rmi_LastName_RemovesTheImage()
    {
        await using MicaRoot mica = await PulledAsync("odd:latest");
        FixtureImage image = bench.Images["odd:latest"];
        string name = $"{bench.Registry.Address}/odd:latest";

        string[] lines = (await mica.RunAsync("rmi", name)).TrimEnd('\n').Split('\n');

        Assert.Equal($"Untagged: {name}", lines[0]);
        Assert.Contains($"Untagged: {bench.Registry.Address}/odd@{image.Digest}", lines);
        Assert.Contains($"Deleted: {image.Config}", lines);
        Assert.Equal("", await mica.RunAsync("images", "-aq"));
        await mica.CheckAsync();
    }

    [Fact]
    public async Task Rmi_OneOfTwoNames_OnlyUntags()
    {
        await using MicaRoot mica = await PulledAsync("busybox:latest");
        await mica.RunAsync("tag", $"{bench.Registry.Address}/busybox", "mine");

        Assert.Equal("Untagged: mine:latest\n", await mica.RunAsync("rmi", "mine"));

        Assert.Equal(bench.Images["busybox:latest"].Config[7..19] + "\n", await mica.RunAsync("images", "-q"));
    }

    [Fact]
    public async Task Rmi_ByIdWithTwoRepositories_MustBeForced()
    {
        await using MicaRoot mica = await PulledAsync("busybox:latest");
        await mica.RunAsync("tag", $"{bench.Registry.Address}/busybox", "mine");
        string id = bench.Images["busybox:latest"].Config[7..19];

        string error = await mica.FailAsync(1, "rmi", id);

        Assert.Contains($"conflict: unable to delete {id} (must be forced) - image is referenced in multiple repositories", error, StringComparison.Ordinal);
        await mica.RunAsync("rmi", "-f", id);
        Assert.Equal("", await mica.RunAsync("images", "-aq"));
    }

    [Fact]
    public async Task Rmi_NoSuchImage_SaysWhich()
    {
        await using MicaRoot mica = bench.NewRoot();

        Assert.Contains("no such image: nothing:latest", await mica.FailAsync(1, "rmi", "nothing"), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Rmi_OfTwoImagesThatShareLayers_LeavesTheOtherWhole()
    {
        await using MicaRoot mica = await PulledAsync("python:3", "node:18");

        await mica.RunAsync("rmi", $"{bench.Registry.Address}/python:3");
        await mica.RunAsync("image", "prune", "-f");

        Assert.Equal(bench.Images["node:18"].Config, (string)(await mica.InspectAsync($"{bench.Registry.Address}/node:18"))["Id"]!);
        await mica.CheckAsync();
    }

    [Fact]
    public async Task ImagePruneAll_NothingInUse_EmptiesTheStore()
    {
        await using MicaRoot mica = await PulledAsync("busybox:latest", "odd:latest");

        string output = await mica.RunAsync("image", "prune", "-a", "-f");

        Assert.Contains("Total reclaimed space: ", output, StringComparison.Ordinal);
        Assert.Equal("", await mica.RunAsync("images", "-aq"));
        await mica.CheckAsync();
    }

    [Fact]
    public async Task ImagePrune_NamedImages_Stay()
    {
        await using MicaRoot mica = await PulledAsync("busybox:latest");

        await mica.RunAsync("image", "prune", "-f");

        Assert.Equal(bench.Images["busybox:latest"].Config[7..19] + "\n", await mica.RunAsync("images", "-q"));
    }

    [Fact]
    public async Task ImagePrune_FilterLabel_RemovesOnlyThose()
    {
        await using MicaRoot mica = await PulledAsync("python:3", "node:18");

        await mica.RunAsync("image", "prune", "-a", "-f", "--filter", "label=org.example.kind=node");

        Assert.Equal(bench.Images["python:3"].Config[7..19] + "\n", await mica.RunAsync("images", "-q"));
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
