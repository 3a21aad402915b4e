using System.Security.Cryptography;

namespace Mica.SystemTests;

/// <summary>Images that are not what they say: one clear line each, and nothing of them in the store.</summary>
public sealed class BadContentTests(Workbench bench)
{
    [Theory]
    [InlineData("printf x | dd of=\"$1\" bs=1 seek=1000 conv=notrunc status=none")]
    [InlineData("truncate -s -1000 \"$1\"")]
    [InlineData("printf x >>\"$1\"")]
    public async Task Pull_BlobDamagedInTheRegistry_NamesTheBlob(string damage)
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("damaged");
        await registry.PushAsync(bench.Images, "odd:latest");
        FixtureLayer layer = bench.Images["odd:latest"].Layers[0];
        await Shell.ScriptAsync(damage, registry.BlobFile(layer.Digest));
        await using MicaRoot mica = await HoldingBusyboxAsync();

        string error = await mica.FailAsync(1, "pull", $"{registry.Address}/odd");

        Assert.Contains(layer.Digest[7..19], error, StringComparison.Ordinal);
        Assert.False(File.Exists(mica.Blob(layer.Digest)));
        await OnlyBusyboxAsync(mica);
    }

    [Fact]
    public async Task Pull_WrongDiffId_IsRefused()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("diffid");
        HandmadeImage image = await new HandmadeImage(bench).WithLayerAsync(
            bench.Images["busybox:latest"].Layers[0].File, "tar+gzip", "sha256:" + new string('1', 64));
        await image.PushAsync($"{registry.Address}/lying:1");
        await using MicaRoot mica = await HoldingBusyboxAsync();

        string error = await mica.FailAsync(1, "pull", $"{registry.Address}/lying:1");

        Assert.Contains(bench.Images["busybox:latest"].Layers[0].Digest[7..19], error, StringComparison.Ordinal);
        await OnlyBusyboxAsync(mica);
    }

    [Fact]
    public async Task Pull_DecompressionBomb_IsRefusedUntilTheLimitIsRaised()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("bomb");
        string directory = bench.NewDirectory("bomb");
        await Shell.ScriptAsync("cd \"$1\"; truncate -s 200M zeros; tar -cf layer.tar zeros; gzip -k layer.tar", directory);
        HandmadeImage image = await new HandmadeImage(bench).WithLayerAsync($"{directory}/layer.tar.gz", "tar+gzip", await DiffIdAsync($"{directory}/layer.tar"));
        await image.PushAsync($"{registry.Address}/bomb:1");
        await using MicaRoot mica = await HoldingBusyboxAsync();

        string error = await mica.FailAsync(1, "pull", "--max-layer-size", "100m", $"{registry.Address}/bomb:1");

        Assert.Contains("unpacks to more than 104857600 bytes", error, StringComparison.Ordinal);
        Assert.Contains("--max-layer-size", error, StringComparison.Ordinal);
        await OnlyBusyboxAsync(mica);
        await mica.RunAsync("pull", "-q", "--max-layer-size", "0.5g", $"{registry.Address}/bomb:1");
    }

    [Fact]
    public async Task Pull_LayerThatClimbsOut_StaysInsideItsDirectory()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("climb");
        string directory = bench.NewDirectory("climb");
        string victim = Path.Combine(bench.Scratch, "victim");
        await File.WriteAllTextAsync(victim, "before\n", TestContext.Current.CancellationToken);
        // A link to our scratch directory, a file through it, and a name that climbs to the root of the file system.
        await Shell.ScriptAsync("""
            cd "$1"; mkdir one two; ln -s "$2" one/out; tar -cf layer.tar -C one out
            mkdir two/out; printf 'after\n' >two/out/victim; tar -rf layer.tar -C two out/victim
            printf 'after\n' >name; tar -rPf layer.tar --transform "s#name#../../../../../../../../../../..$2/victim#" name
            gzip -k layer.tar
            """, directory, bench.Scratch);
        HandmadeImage image = await new HandmadeImage(bench).WithLayerAsync($"{directory}/layer.tar.gz", "tar+gzip", await DiffIdAsync($"{directory}/layer.tar"));
        await image.PushAsync($"{registry.Address}/climbing:1");
        await using MicaRoot mica = bench.NewRoot();

        CommandResult pull = await mica.TryAsync("pull", $"{registry.Address}/climbing:1");

        Assert.Equal("before\n", await File.ReadAllTextAsync(victim, TestContext.Current.CancellationToken));
        if (pull.ExitCode != 0)
        {
            MicaRoot.Refusal(pull);
        }
    }

    [Fact]
    public async Task Pull_NotAnArchive_IsRefused()
    {
        await using LoopbackRegistry registry = await bench.StartRegistryAsync("text");
        string file = Path.Combine(bench.NewDirectory("text"), "layer");
        await Shell.ScriptAsync("seq 100000 >\"$1\"", file);
        HandmadeImage image = await new HandmadeImage(bench).WithLayerAsync(file, "tar", await DiffIdAsync(file));
        await image.PushAsync($"{registry.Address}/text:1");
        await using MicaRoot mica = await HoldingBusyboxAsync();

        await mica.FailAsync(1, "pull", $"{registry.Address}/text:1");

        await OnlyBusyboxAsync(mica);
    }

    private async Task<MicaRoot> HoldingBusyboxAsync()
    {
        MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/busybox");
        return mica;
    }

    private async Task OnlyBusyboxAsync(MicaRoot mica)
    {
        Assert.Equal(bench.Images["busybox:latest"].Config[7..19] + "\n", await mica.RunAsync("images", "-aq"));
        await mica.CheckAsync();
    }

    private static async Task<string> DiffIdAsync(string file) =>
        "sha256:" + Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(file)));
}
