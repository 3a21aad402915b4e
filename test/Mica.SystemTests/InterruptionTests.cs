using System.Diagnostics;

namespace Mica.SystemTests;

/// <summary>Transfers that stop half-way: cut, killed, interrupted. A relay holds the transfer, so no clock decides.</summary>
public sealed class InterruptionTests(Workbench bench)
{
    private const long Half = 40_000_000;

    [Fact]
    public async Task Pull_KilledHalfWay_FetchesOnlyTheRest()
    {
        await using MicaRoot mica = bench.NewRoot();
        long whole = bench.Images["python:3"].Layers.Sum(layer => layer.Size);
        await using (TcpRelay holding = new(bench.Registry.Address) { HoldAfter = Half })
        {
            using Process pull = mica.Start("pull", "-q", $"{holding.Address}/python:3");
            await holding.Held.WaitAsync(TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken);
            await GrownAsync(mica);
            pull.Kill();
            await pull.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await mica.CheckAsync();
        await using TcpRelay counting = new(bench.Registry.Address);
        await mica.RunAsync("pull", "-q", $"{counting.Address}/python:3");

        Assert.InRange(counting.BytesToClient, 0, whole - Half / 2);
        await mica.CheckAsync();
    }

    [Fact]
    public async Task Pull_Interrupted_EndsWith130AndResumes()
    {
        await using MicaRoot mica = bench.NewRoot();
        long whole = bench.Images["python:3"].Layers.Sum(layer => layer.Size);
        await using (TcpRelay holding = new(bench.Registry.Address) { HoldAfter = Half })
        {
            string[] words = ["pull", "-q", $"{holding.Address}/python:3"];
            using Process pull = mica.Start(words);
            await holding.Held.WaitAsync(TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken);
            await GrownAsync(mica);
            await Shell.ScriptAsync("kill -INT \"$1\"", pull.Id.ToString(null, null));
            CommandResult interrupted = await Shell.FinishAsync(pull, words);
            Assert.True(interrupted.ExitCode == 130, interrupted.ToString());
        }

        Assert.Equal("", await mica.RunAsync("images", "-aq"));
        await mica.CheckAsync();
        await using TcpRelay counting = new(bench.Registry.Address);
        await mica.RunAsync("pull", "-q", $"{counting.Address}/python:3");
        Assert.InRange(counting.BytesToClient, 0, whole - Half / 2);
    }

    [Fact]
    public async Task Pull_ConnectionCut_GoesOn()
    {
        await using MicaRoot mica = bench.NewRoot();
        long whole = bench.Images["python:3"].Layers.Sum(layer => layer.Size);
        await using TcpRelay cutting = new(bench.Registry.Address) { CutAfter = Half };

        await mica.RunAsync("pull", "-q", $"{cutting.Address}/python:3");

        Assert.InRange(cutting.BytesToClient, whole, whole + Half);
        await mica.CheckAsync();
    }

    [Fact]
    public async Task Push_KilledHalfWay_EndsWhenRepeated()
    {
        await using LoopbackRegistry other = await bench.StartRegistryAsync("half");
        await using MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/python:3");
        await using (TcpRelay holding = new(other.Address) { HoldUploadAfter = Half })
        {
            await mica.RunAsync("tag", $"{bench.Registry.Address}/python:3", $"{holding.Address}/half:1");
            using Process push = mica.Start("push", "-q", $"{holding.Address}/half:1");
            await holding.Held.WaitAsync(TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken);
            push.Kill();
            await push.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await mica.CheckAsync();
        await mica.RunAsync("tag", $"{bench.Registry.Address}/python:3", $"{other.Address}/half:1");
        await mica.RunAsync("push", "-q", $"{other.Address}/half:1");

        Assert.Equal(bench.Images["python:3"].Digest, await other.DigestOfAsync("half:1"));
    }

    /// <summary>Waits until what went through the relay has reached the store's files.</summary>
    private static async Task GrownAsync(MicaRoot mica)
    {
        for (int attempt = 0; attempt < 600; attempt++)
        {
            long size = new DirectoryInfo(mica.Store).EnumerateFiles("*", SearchOption.AllDirectories)
                .Where(file => file.FullName.Contains("/partial/", StringComparison.Ordinal) || file.FullName.Contains("/blobs/", StringComparison.Ordinal))
                .Sum(file => file.Length);
            if (size > Half * 3 / 4)
            {
                return;
            }

            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.Fail("the store did not grow by what the registry sent");
    }
}
