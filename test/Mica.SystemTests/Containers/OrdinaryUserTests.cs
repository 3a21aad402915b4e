namespace Mica.SystemTests.Containers;

/// <summary>The same commands as a user who is not root.</summary>
public sealed class OrdinaryUserTests(Workbench bench)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Container_OfAnOrdinaryUser_LivesAndEnds(bool withSubordinateIds)
    {
        await using MicaRoot root = await OrdinaryUser.NewRootAsync(bench, withSubordinateIds);
        await using ContainerBench one = await ContainerBench.OpenAsync(bench, root);

        Assert.Equal("0\n", await one.PrintedAsync("busybox id -u"));
        await one.SleepAsync("mine");
        Assert.Equal("mine\n", await one.RunAsync("ps", "--format", "{{.Names}}"));
        Assert.Equal("in\n", await one.RunAsync("exec", "mine", "sh", "-c", "echo in; echo f >/tmp/f"));
        Assert.Contains("A /tmp/f", await one.RunAsync("diff", "mine"), StringComparison.Ordinal);
        await one.RunAsync("stop", "-t", "0", "mine");
        await one.RunAsync("start", "mine");
        Assert.Equal("f\n", await one.RunAsync("exec", "mine", "cat", "/tmp/f"));
        await one.RunAsync("rm", "-f", "mine");
        Assert.Contains("no limits of memory", await one.Mica.FailAsync(125, "run", "--rm", "-m", "64m", "busybox"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Networks_OfAnOrdinaryUser_HavePortsAndNames(bool withSubordinateIds)
    {
        await using MicaRoot root = await OrdinaryUser.NewRootAsync(bench, withSubordinateIds);
        await using ContainerBench one = await ContainerBench.OpenAsync(bench, root);
        await one.RunAsync("pull", "-q", $"{bench.Registry.Address}/debian:bookworm-slim");
        await one.RunAsync("tag", $"{bench.Registry.Address}/debian:bookworm-slim", "debian");
        await one.RunAsync("network", "create", "shop");

        await one.RunAsync(
            "run", "-d", "--name", "web", "--network", "shop", "--network-alias", "www", "--user", "1000", "-p", "127.0.0.1::80", "busybox",
            "sh", "-c", "echo hello >/tmp/index.html; exec busybox httpd -f -p 80 -h /tmp");

        int port = int.Parse((await one.RunAsync("port", "web", "80")).Trim().Split(':')[1], null);
        Assert.Equal("hello\n", (await Shell.RunAsync(ContainerBench.Fetch("127.0.0.1", port))).Succeeded().Output);
        Assert.Equal("hello\n", (await one.FetchInsideAsync("shop", "www")).Succeeded().Output);
        Assert.NotEqual(0, (await one.FetchInsideAsync("bridge", await one.ValueAsync("web", "{{.NetworkSettings.Networks.shop.IPAddress}}"))).ExitCode);
        Assert.Contains("already allocated", await one.Mica.FailAsync(125, "run", "--rm", "-p", $"{port}:80", "busybox"), StringComparison.Ordinal);
        await one.RunAsync("rm", "-f", "web");
        await one.RunAsync("network", "rm", "shop");
        Assert.Equal("", await Shell.ScriptAsync("ps -u 12345 -o stat=,args= | grep -v '^Z' || true"));
    }

    [Fact]
    public async Task Doctor_WithoutSubordinateIds_SaysHowToGetThem()
    {
        await using MicaRoot root = await OrdinaryUser.NewRootAsync(bench, withSubordinateIds: false);

        string told = await root.RunAsync("doctor");

        Assert.Contains("usermod --add-subuids 100000-165535", told, StringComparison.Ordinal);
        Assert.Contains("slirp4netns 1.", told, StringComparison.Ordinal);
        Assert.Contains(" Containers run: ", await root.RunAsync("info"), StringComparison.Ordinal);
    }
}
