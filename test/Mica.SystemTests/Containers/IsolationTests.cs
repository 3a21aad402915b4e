namespace Mica.SystemTests.Containers;

/// <summary>Limits, and what a container is kept from.</summary>
public sealed class IsolationTests(Workbench bench)
{
    [Fact]
    public async Task Memory_BeyondTheLimit_IsKilledAndSaid()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);

        CommandResult result = await one.Mica.TryAsync(
            "run", "--name", "hungry", "--network", "none", "-m", "16m", "busybox", "sh", "-c", "busybox tail /dev/zero");

        Assert.NotEqual(0, result.ExitCode);
        Assert.Equal("true", await one.ValueAsync("hungry", "{{.State.OOMKilled}}"));
    }

    [Fact]
    public async Task Limits_AreInTheCgroup()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);

        Assert.Equal("1\n", await one.PrintedAsync("busybox nproc", "--cpuset-cpus", "0"));
        Assert.Contains("can't fork", (await one.ShellAsync("for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait", "--pids-limit", "4")).Errors, StringComparison.Ordinal);
        Assert.Equal("100\n", await one.PrintedAsync("ulimit -n", "--ulimit", "nofile=100"));
        Assert.Contains("minimum memory limit", await one.Mica.FailAsync(125, "run", "--rm", "-m", "1m", "busybox"), StringComparison.Ordinal);
        await one.SleepAsync("updated", "-m", "64m");
        await one.RunAsync("update", "-m", "96m", "updated");
        Assert.Equal("100663296", await one.ValueAsync("updated", "{{.HostConfig.Memory}}"));
    }

    [Theory]
    [InlineData("00000000a80425fb")]
    [InlineData("00000000200425fb", "--cap-drop", "SETFCAP", "--cap-drop", "MKNOD")]
    [InlineData("0000000000000000", "--cap-drop", "ALL")]
    [InlineData("0000000000000400", "--cap-drop", "all", "--cap-add", "NET_BIND_SERVICE")]
    public async Task Capabilities_AreDockersAndWhatWasAsked(string wanted, params string[] options)
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        ulong expected = Convert.ToUInt64(wanted, 16);

        string line = await one.PrintedAsync("grep CapEff /proc/self/status", options);

        Assert.Equal(expected & OwnBound(), Convert.ToUInt64(line.Split('\t')[1].Trim(), 16));
    }

    [Fact]
    public async Task Kernel_IsHiddenUnlessPrivileged()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);

        Assert.NotEqual(0, (await one.ShellAsync("busybox mount -t tmpfs x /tmp")).ExitCode);
        Assert.Equal("Seccomp:\t2\n", await one.PrintedAsync("grep ^Seccomp: /proc/self/status"));
        Assert.Equal("NoNewPrivs:\t1\n", await one.PrintedAsync("grep NoNewPrivs /proc/self/status", "--security-opt", "no-new-privileges"));
        Assert.Equal("", await one.PrintedAsync("cat /proc/keys /proc/timer_list"));
        Assert.Equal("ok\n", await one.PrintedAsync("busybox mount -t tmpfs x /tmp && echo ok", "--privileged"));
        Assert.Equal("1\n", await one.PrintedAsync("cat /proc/sys/net/ipv4/ip_forward", "--sysctl", "net.ipv4.ip_forward=1"));
        Assert.Contains("no such file", await one.Mica.FailAsync(125, "run", "--rm", "--network", "none", "--device", "/dev/nosuch", "busybox"), StringComparison.Ordinal);
        Assert.Equal("crw-rw-rw-\n", await one.PrintedAsync("ls -l /dev/mine | busybox cut -c1-10", "--device", "/dev/null:/dev/mine"));
    }

    [Fact]
    public async Task Identity_IsWhatWasAskedFor()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);

        Assert.Equal("12 34 34 56\n", await one.PrintedAsync("echo $(busybox id -u) $(busybox id -g) $(busybox id -G)", "--user", "12:34", "--group-add", "56"));
        Assert.Contains("unable to find user nobody-here", await one.Mica.FailAsync(125, "run", "--rm", "--network", "none", "-u", "nobody-here", "busybox"), StringComparison.Ordinal);
        Assert.Equal("box\n1.2.3.4\tother\n", await one.PrintedAsync("busybox hostname; grep other /etc/hosts", "-h", "box", "--add-host", "other:1.2.3.4"));
        Assert.Equal("a b\n/tmp\n", await one.PrintedAsync("echo $X $Y; pwd", "-e", "X=a", "--env", "Y=b", "-w", "/tmp"));
        await one.SleepAsync("first");
        Assert.Equal("same\n", await one.PrintedAsync("ls -l /proc/1/exe >/dev/null; [ \"$(cat /proc/1/comm)\" = sleep ] && echo same", "--pid", "container:first"));
        Assert.Equal("docker-init\n", (await one.PrintedAsync("cat /proc/1/comm", "--init")).Replace("catatonit", "docker-init", StringComparison.Ordinal));
    }

    /// <summary>Nobody gives what they do not have.</summary>
    private static ulong OwnBound() => Convert.ToUInt64(File.ReadLines("/proc/self/status").First(line => line.StartsWith("CapBnd:", StringComparison.Ordinal)).Split('\t')[1].Trim(), 16);
}
