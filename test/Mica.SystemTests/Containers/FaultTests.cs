namespace Mica.SystemTests.Containers;

/// <summary>What happens around containers: a machine that starts again, a disk that is full.</summary>
public sealed class FaultTests(Workbench bench)
{
    /// <summary>Another boot: its identifier, no process, and nothing of what exists only while containers do.</summary>
    [Fact]
    public async Task Boot_WhileContainersRun_LeavesThemEndedAndStartable()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        string id = await one.SleepAsync("before");
        string kept = await one.SleepAsync("too", "--restart", "always");
        await one.RunAsync("exec", "before", "sh", "-c", "echo kept >/file");
        foreach (string container in (string[])[id, kept])
        {
            string process = await one.ValueAsync(container, "{{.State.Pid}}");
            await Shell.ScriptAsync(
                "kill -9 $(cat \"/run/mica/containers/$1/monitor.pid\"); kill -9 \"$2\"; for i in $(seq 100); do [ -d \"/proc/$2\" ] || break; sleep 0.02; done; rm -rf \"/run/mica/containers/$1\"",
                container, process);
        }

        string boot = Path.Combine(one.Mica.Home, "boot");
        await File.WriteAllTextAsync(boot, "11111111-2222-3333-4444-555555555555\n", TestContext.Current.CancellationToken);
        async Task<string> AfterBootAsync(params string[] words) => (await Shell.RunAsync(
            ["unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /proc/sys/kernel/random/boot_id && exec \"$@\"", boot, .. one.Mica.CommandLine(words)],
            one.Mica.Environment)).Succeeded().Output;

        Assert.Equal("", await AfterBootAsync("ps", "-q"));
        Assert.Matches("Exited \\(255\\)", await AfterBootAsync("ps", "-a", "--filter", "name=before"));
        await AfterBootAsync("start", "before");
        Assert.Equal("kept\n", await AfterBootAsync("exec", "before", "cat", "/file"));
        await AfterBootAsync("rm", "-f", "before", "too");
    }

    [Fact]
    public async Task Disk_Full_EndsTheProgramAndNothingElse()
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        string mount = bench.NewDirectory("small");
        await Shell.ScriptAsync("truncate -s 64M \"$1.disk\"; mkfs.ext4 -q -F \"$1.disk\"; mount -o loop \"$1.disk\" \"$1\"", mount);
        try
        {
            await using ContainerBench one = await ContainerBench.OpenAsync(bench, bench.NewRoot(Path.Combine(mount, "store")));

            CommandResult full = await one.ShellAsync("busybox dd if=/dev/zero of=/big bs=1M count=200");
            Assert.Contains("No space left on device", full.Errors, StringComparison.Ordinal);
            Assert.Equal(1, full.ExitCode);

            // What filled the disk stays, and commands that need room say so in a line.
            Assert.Equal(7, (await one.Mica.TryAsync("run", "--name", "big", "--network", "none", "busybox", "sh", "-c", "busybox dd if=/dev/zero of=/big bs=64k 2>/dev/null; exit 7")).ExitCode);
            CommandResult next = await one.Mica.TryAsync("run", "--rm", "--network", "none", "busybox", "true");
            Assert.True(next.ExitCode == 0 || MicaRoot.Refusal(next, 125).Length > 0);
            await one.RunAsync("rm", "big");
            Assert.Equal("room\n", await one.PrintedAsync("echo room"));
        }
        finally
        {
            await Shell.ScriptAsync("umount \"$1\"; rm -f \"$1.disk\"", mount);
        }
    }
}
