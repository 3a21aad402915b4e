namespace Mica.SystemTests;

/// <summary>Stores that were damaged: what check says, and what it can mend.</summary>
public sealed class StoreCheckTests(Workbench bench)
{
    [Fact]
    public async Task Check_FlippedByte_NamesTheBlobAndRepairFetchesIt()
    {
        await using MicaRoot mica = await PulledAsync("odd:latest");
        FixtureLayer layer = bench.Images["odd:latest"].Layers[0];
        await Shell.ScriptAsync("chmod u+w \"$1\"; printf x | dd of=\"$1\" bs=1 seek=1000 conv=notrunc status=none", mica.Blob(layer.Digest));

        CommandResult check = await mica.TryAsync("store", "check");
        CommandResult repair = await mica.TryAsync("store", "check", "--repair");

        Assert.Equal(1, check.ExitCode);
        Assert.Contains(layer.Digest, check.Output + check.Errors, StringComparison.Ordinal);
        repair.Succeeded();
        await Shell.ScriptAsync("cmp \"$1\" \"$2\"", layer.File, mica.Blob(layer.Digest));
        await mica.CheckAsync();
    }

    [Fact]
    public async Task Check_BlobGone_RepairFetchesIt()
    {
        await using MicaRoot mica = await PulledAsync("odd:latest");
        FixtureLayer layer = bench.Images["odd:latest"].Layers[1];
        File.Delete(mica.Blob(layer.Digest));

        Assert.Equal(1, (await mica.TryAsync("store", "check")).ExitCode);
        await mica.RunAsync("store", "check", "--repair");

        await Shell.ScriptAsync("cmp \"$1\" \"$2\"", layer.File, mica.Blob(layer.Digest));
        await mica.CheckAsync();
    }

    [Fact]
    public async Task Check_UnpackedLayerGone_RepairUnpacksItAgain()
    {
        await using MicaRoot mica = await PulledAsync("odd:latest");
        string tree = Path.Combine(mica.Store, "layers", bench.Images["odd:latest"].Layers[1].DiffId.Replace(':', '/'), "fs");
        await Shell.ScriptAsync("rm -r \"$1\"", tree);

        Assert.Equal(1, (await mica.TryAsync("store", "check")).ExitCode);
        await mica.RunAsync("store", "check", "--repair");

        Assert.True(Directory.Exists(tree));
        await mica.CheckAsync();
    }

    [Theory]
    [InlineData("rm -f \"$1\"/catalog.db*")]
    [InlineData("rm -f \"$1\"/catalog.db-*; head -c 100000 /dev/urandom >\"$1\"/catalog.db")]
    public async Task Rebuild_CatalogLost_FindsTheImagesInTheBlobs(string damage)
    {
        await using MicaRoot mica = await PulledAsync("odd:latest", "busybox:latest");
        await Shell.ScriptAsync(damage, mica.Store);

        await mica.RunAsync("store", "check", "--rebuild");

        string[] ids = (await mica.RunAsync("images", "-aq", "--no-trunc")).TrimEnd().Split('\n');
        Assert.Equal(
            new[] { bench.Images["odd:latest"].Config, bench.Images["busybox:latest"].Config }.Order(StringComparer.Ordinal),
            ids.Order(StringComparer.Ordinal));
        await mica.CheckAsync();
    }

    [Fact]
    public async Task Images_CatalogIsGarbage_SaysHowToRebuild()
    {
        await using MicaRoot mica = await PulledAsync("busybox:latest");
        await Shell.ScriptAsync("rm -f \"$1\"/catalog.db-*; head -c 100000 /dev/urandom >\"$1\"/catalog.db", mica.Store);

        Assert.Contains("mica store check --rebuild", await mica.FailAsync(1, "images"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_StoreAsALayout_IsReadBySkopeo()
    {
        await using MicaRoot mica = await PulledAsync("odd:latest");

        string digest = await Shell.ScriptAsync(
            "skopeo inspect --raw \"oci:$1:$2/odd:latest\" | sha256sum | cut -d' ' -f1", mica.Store, bench.Registry.Address);

        Assert.Equal(bench.Images["odd:latest"].Digest, "sha256:" + digest.Trim());
    }

    [Fact]
    public async Task Root_SomebodyElsesDirectory_IsRefused()
    {
        string directory = bench.NewDirectory("foreign");
        await File.WriteAllTextAsync(Path.Combine(directory, "precious"), "x\n", TestContext.Current.CancellationToken);
        await using MicaRoot mica = bench.NewRoot(directory);

        Assert.Contains(directory, await mica.FailAsync(2, "pull", $"{bench.Registry.Address}/busybox"), StringComparison.Ordinal);

        Assert.Equal(["precious"], Directory.GetFileSystemEntries(directory).Select(Path.GetFileName));
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
