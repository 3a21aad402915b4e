namespace Mica.SystemTests;

/// <summary>Machines that say no: a full disk, a read-only one, an ordinary user.</summary>
public sealed class LimitTests(Workbench bench)
{
    [Fact]
    public async Task Pull_DiskFull_SaysSoAndLosesNothing()
    {
        string mount = await MountAsync("mount -t tmpfs -o size=64m,mode=755 tmpfs \"$1\"");
        await using MicaRoot mica = bench.NewRoot(Path.Combine(mount, "store"));
        try
        {
            await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/busybox");

            string error = await mica.FailAsync(1, "pull", $"{bench.Registry.Address}/python:3");

            Assert.Contains("no space left", error, StringComparison.OrdinalIgnoreCase);
            Assert.Equal(bench.Images["busybox:latest"].Config[7..19] + "\n", await mica.RunAsync("images", "-aq"));
            await mica.CheckAsync();
            await Shell.ScriptAsync("mount -o remount,size=2g \"$1\"", mount);
            await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/python:3");
            await mica.CheckAsync();
        }
        finally
        {
            await Shell.ScriptAsync("umount \"$1\"", mount);
        }
    }

    [Fact]
    public async Task Pull_ReadOnlyStore_SaysSo()
    {
        string mount = await MountAsync("mount -t tmpfs -o size=64m,mode=755 tmpfs \"$1\"");
        await using MicaRoot mica = bench.NewRoot(Path.Combine(mount, "store"));
        try
        {
            await mica.RunAsync("pull", "-q", $"{bench.Registry.Address}/busybox");
            await Shell.ScriptAsync("mount -o remount,ro \"$1\"", mount);

            string error = await mica.FailAsync(1, "pull", $"{bench.Registry.Address}/odd");

            Assert.Contains("read-only", error, StringComparison.OrdinalIgnoreCase);
        }
        finally
        {
            await Shell.ScriptAsync("umount \"$1\"", mount);
        }
    }

    [Fact]
    public async Task Pull_OrdinaryUser_UsesTheHomeDirectory()
    {
        Assert.SkipUnless(Workbench.IsRoot, "needs root: to become an ordinary user");
        string home = bench.NewDirectory("user");
        await Shell.ScriptAsync("chmod 755 \"$3\"; chown 12345:12345 \"$1\"; install -m 755 \"$2\" \"$1/mica\"", home, bench.Binary, bench.Scratch);
        string[] user = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "env", "-i", $"HOME={home}", $"{home}/mica"];

        (await Shell.RunAsync([.. user, "pull", $"{bench.Registry.Address}/python:3"])).Succeeded();
        CommandResult images = (await Shell.RunAsync([.. user, "images", "-q"])).Succeeded();
        CommandResult check = await Shell.RunAsync([.. user, "store", "check"]);

        Assert.Equal(bench.Images["python:3"].Config[7..19] + "\n", images.Output);
        check.Succeeded();
        Assert.True(Directory.Exists($"{home}/.local/share/mica/blobs"));
    }

    [Fact]
    public async Task Pull_NoPermission_SaysWhere()
    {
        Assert.SkipUnless(Workbench.IsRoot, "needs root: to become an ordinary user");
        string home = bench.NewDirectory("user"), closed = bench.NewDirectory("closed");
        await Shell.ScriptAsync("chmod 755 \"$3\"; chmod 700 \"$4\"; chown 12345:12345 \"$1\"; install -m 755 \"$2\" \"$1/mica\"", home, bench.Binary, bench.Scratch, closed);

        CommandResult pull = await Shell.RunAsync(
            ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "env", "-i", $"HOME={home}", $"{home}/mica", "--root", $"{closed}/store", "pull", $"{bench.Registry.Address}/busybox"]);

        string error = MicaRoot.Refusal(pull);
        Assert.Contains("permission denied", error, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(closed, error, StringComparison.Ordinal);
    }

    private async Task<string> MountAsync(string script)
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        string mount = bench.NewDirectory("mount");
        Assert.SkipUnless((await Shell.RunAsync(["bash", "-c", script, "bash", mount])).ExitCode == 0, "this machine mounts nothing");
        return mount;
    }
}
