namespace Mica.SystemTests;

/// <summary>
/// The process is killed at the N-th system call that changes a file, the catalog or the registry, for N from the first to
/// the last: whatever the moment, the store is whole afterwards, what was there before is there, and the same command ends
/// what was begun. strace does the killing, so a run kills at the same places on any machine.
/// </summary>
public sealed class KillTests(Workbench bench)
{
    /// <summary>System calls by which something becomes visible, or goes.</summary>
    private const string Changes = "fsync,fdatasync,syncfs,rename,renameat,renameat2,linkat,unlink,unlinkat,mkdir,mkdirat,pwrite64,ftruncate";

    /// <summary>How often each command is killed: enough to cover it from end to end, and few enough for every run.</summary>
    private static int Rounds => int.TryParse(Environment.GetEnvironmentVariable("MICA_KILLS"), out int rounds) ? rounds : 12;

    [Fact]
    public async Task Pull_KilledAnywhere_LeavesAWholeStore()
    {
        await using MicaRoot mica = await StartedAsync();
        string name = $"{bench.Registry.Address}/odd:latest";

        await KillEverywhereAsync(mica, Changes, prepare: () => RemoveAsync(mica, name), ["pull", "-q", name],
            async () => Assert.Equal(bench.Images["odd:latest"].Config, (string)(await mica.InspectAsync(name))["Id"]!));
    }

    [Fact]
    public async Task Rmi_KilledAnywhere_LeavesAWholeStore()
    {
        await using MicaRoot mica = await StartedAsync();
        string name = $"{bench.Registry.Address}/odd:latest";

        await KillEverywhereAsync(mica, Changes, prepare: () => mica.RunAsync("pull", "-q", name), ["rmi", name],
            async () => Assert.Equal(1, (await mica.TryAsync("inspect", name)).ExitCode), mayBeDone: true);
    }

    [Fact]
    public async Task Prune_KilledAnywhere_LeavesAWholeStore()
    {
        await using MicaRoot mica = await StartedAsync();
        string name = $"{bench.Registry.Address}/python:3";

        await KillEverywhereAsync(mica, Changes, prepare: () => mica.RunAsync("pull", "-q", name),
            ["image", "prune", "-a", "-f", "--filter", "label=org.example.kind=python"],
            async () => Assert.Equal(1, (await mica.TryAsync("inspect", name)).ExitCode));
    }

    [Fact]
    public async Task Push_KilledAnywhere_LeavesAWholeStoreAndEndsWhenRepeated()
    {
        await using LoopbackRegistry other = await bench.StartRegistryAsync("killed");
        await using MicaRoot mica = await StartedAsync();
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/odd:latest");
        int round = 0;

        await KillEverywhereAsync(mica, Changes + ",sendto,sendmsg,connect",
            prepare: () => mica.RunAsync("tag", $"{bench.Registry.Address}/odd:latest", $"{other.Address}/round{++round}:1"),
            () => ["push", "-q", $"{other.Address}/round{round}:1"],
            async () => Assert.Equal(bench.Images["odd:latest"].Digest, await other.DigestOfAsync($"round{round}:1")));
    }

    private Task KillEverywhereAsync(
        MicaRoot mica, string calls, Func<Task> prepare, string[] command, Func<Task> done, bool mayBeDone = false) =>
        KillEverywhereAsync(mica, calls, prepare, () => command, done, mayBeDone);

    private async Task KillEverywhereAsync(
        MicaRoot mica, string calls, Func<Task> prepare, Func<string[]> command, Func<Task> done, bool mayBeDone = false)
    {
        Assert.SkipUnless(
            (await Shell.RunAsync(["bash", "-c", "strace -qq -f -o /dev/null true"])).ExitCode == 0, "strace cannot trace here");
        int kills = 0;
        for (int call = 1; kills < Rounds; call += 1 + call / 4)
        {
            await prepare();
            CommandResult killed = await Shell.RunAsync(
                ["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", $"inject={calls}:signal=SIGKILL:when={call}", .. mica.CommandLine(command())],
                mica.Environment);
            if (killed.ExitCode == 0)
            {
                break;
            }

            Assert.True(killed.ExitCode == 137, $"not killed at call {call}: {killed}");
            kills++;
            await mica.CheckAsync();
            Assert.Contains(bench.Images["busybox:latest"].Config[7..19], await mica.RunAsync("images", "-q"), StringComparison.Ordinal);
            CommandResult again = await mica.TryAsync(command());
            Assert.True(again.ExitCode == 0 || mayBeDone && again.Errors.Contains("No such image", StringComparison.OrdinalIgnoreCase), $"after a kill at call {call}: {again}");
            await done();
            await mica.CheckAsync();
        }

        Assert.True(kills >= 4, $"only {kills} kills: the command does less than this test supposes");
    }

    private async Task<MicaRoot> StartedAsync()
    {
        MicaRoot mica = bench.NewRoot();
        await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/busybox");
        return mica;
    }

    /// <summary>Removes the image and whatever of it is kept for a while, so that the next pull does all its work.</summary>
    private static async Task RemoveAsync(MicaRoot mica, string name)
    {
        await mica.TryAsync("rmi", name);
        await mica.RunAsync("image", "prune", "-f");
    }
}
