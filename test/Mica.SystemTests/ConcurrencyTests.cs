namespace Mica.SystemTests;

/// <summary>Many processes on one store.</summary>
public sealed class ConcurrencyTests(Workbench bench)
{
    [Fact]
    public async Task Pull_EightProcessesAtOnce_AllSucceed()
    {
        await using MicaRoot mica = bench.NewRoot();
        string[] names = ["python:3", "node:18", "odd:latest", "busybox:latest", "python:3", "python:docker", "odd:zstd", "odd:latest"];

        CommandResult[] results = await Task.WhenAll(names.Select(name => mica.TryAsync("pull", "-q", $"{bench.Registry.Address}/{name}")));

        Assert.All(results, result => result.Succeeded());
        Assert.Equal(
            names.Distinct().Select(name => $"{bench.Registry.Address}/{name}").Order(StringComparer.Ordinal),
            (await mica.RunAsync("images", "-a", "--format", "{{.Repository}}:{{.Tag}}")).TrimEnd().Split('\n').Order(StringComparer.Ordinal));
        await mica.CheckAsync();
    }

    [Fact]
    public async Task PullRemovePruneList_AtOnce_NeverDamageTheStore()
    {
        await using MicaRoot mica = bench.NewRoot();
        string odd = $"{bench.Registry.Address}/odd:latest", zstd = $"{bench.Registry.Address}/odd:zstd";

        List<CommandResult> results = [];
        for (int round = 0; round < 4; round++)
        {
            results.AddRange(await Task.WhenAll(
                mica.TryAsync("pull", "-q", odd), mica.TryAsync("rmi", odd), mica.TryAsync("image", "prune", "-f"),
                mica.TryAsync("pull", "-q", zstd), mica.TryAsync("images"), mica.TryAsync("system", "df"), mica.TryAsync("rmi", zstd)));
        }

        Assert.All(results.Where(result => result.ExitCode != 0), result =>
            Assert.Matches("(?i)no such image|conflict|in use", MicaRoot.Refusal(result)));
        await mica.CheckAsync();
        await mica.RunAsync("pull", "-q", odd);
        await mica.CheckAsync();
    }
}
