namespace Mica.SystemTests.Containers;

/// <summary>Networks of containers, in a network namespace in place of the machine's.</summary>
public sealed class NetworkTests(Workbench bench)
{
    private const string Serve = "echo hello >/tmp/index.html; exec busybox httpd -f -p 80 -h /tmp";

    [Fact]
    public async Task Port_Published_AnswersOnTheMachine()
    {
        await using ContainerBench one = await ContainerBench.OpenWithNetworkAsync(bench);
        await one.RunAsync("run", "-d", "--name", "web", "-p", "18080:80", "busybox", "sh", "-c", Serve);

        Assert.Equal("hello\n", await FetchAsync(one));
        Assert.Equal("0.0.0.0:18080\n", await one.RunAsync("port", "web", "80"));
        Assert.Contains("0.0.0.0:18080->80/tcp", await one.RunAsync("ps"), StringComparison.Ordinal);
        Assert.Contains("port is already allocated", await one.Mica.FailAsync(125, "run", "-d", "-p", "18080:80", "busybox", "true"), StringComparison.Ordinal);
        Assert.Equal("hello\n", (await one.FetchInsideAsync("bridge", await one.ValueAsync("web", "{{.NetworkSettings.IPAddress}}"))).Succeeded().Output);
        Assert.Equal("hello\n", (await one.FetchInsideAsync("bridge", "10.86.0.1", 18080)).Succeeded().Output);

        await one.RunAsync("rm", "-f", "web");

        Assert.NotEqual(0, (await TryFetchAsync(one)).ExitCode);
        await one.RunAsync("run", "-d", "--name", "web", "-p", "127.0.0.1:18080:80", "-P", "--expose", "81", "busybox", "sh", "-c", Serve);
        Assert.Equal("hello\n", await FetchAsync(one));
        Assert.Equal(2, (await one.RunAsync("port", "web")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task Containers_InANetwork_FindEachOtherByName()
    {
        await using ContainerBench one = await ContainerBench.OpenWithNetworkAsync(bench);
        await one.RunAsync("network", "create", "--subnet", "10.123.0.0/24", "shop");
        await one.RunAsync("run", "-d", "--name", "web", "--network", "shop", "--network-alias", "www", "--ip", "10.123.0.77", "busybox", "sh", "-c", Serve);

        Assert.Equal("hello\n", (await one.FetchInsideAsync("shop", "web")).Succeeded().Output);
        Assert.Equal("hello\n", (await one.FetchInsideAsync("shop", "www")).Succeeded().Output);
        Assert.Equal("10.123.0.77", await one.ValueAsync("web", "{{.NetworkSettings.Networks.shop.IPAddress}}"));

        // Networks are kept apart, unless a container is in both.
        Assert.NotEqual(0, (await one.FetchInsideAsync("bridge", "10.123.0.77")).ExitCode);
        await one.RunAsync("network", "connect", "bridge", "web");
        string address = await one.ValueAsync("web", "{{.NetworkSettings.Networks.bridge.IPAddress}}");
        Assert.Equal("hello\n", (await one.FetchInsideAsync("bridge", address)).Succeeded().Output);
        Assert.Contains("has active endpoints", await one.Mica.FailAsync(1, "network", "rm", "shop"), StringComparison.Ordinal);
        await one.RunAsync("network", "disconnect", "bridge", "web");
        await one.RunAsync("rm", "-f", "web");
        await one.RunAsync("network", "rm", "shop");
        Assert.Equal("bridge\nhost\nnone\n", await one.RunAsync("network", "ls", "--format", "{{.Name}}"));
    }

    [Fact]
    public async Task Modes_NoneHostAndContainer_AreWhatTheySay()
    {
        await using ContainerBench one = await ContainerBench.OpenWithNetworkAsync(bench);

        Assert.Equal("lo\n", await one.PrintedAsync("ls /sys/class/net"));
        Assert.Contains("micabr0", await one.RunAsync("run", "--rm", "busybox", "true") + await one.RunAsync("run", "--rm", "--network", "host", "busybox", "ls", "/sys/class/net"), StringComparison.Ordinal);
        await one.RunAsync("run", "-d", "--name", "web", "busybox", "sh", "-c", Serve);
        Assert.Equal("hello\n", (await one.FetchInsideAsync("container:web", "127.0.0.1")).Succeeded().Output);
        Assert.Contains("network nosuch not found", await one.Mica.FailAsync(125, "run", "--rm", "--network", "nosuch", "busybox"), StringComparison.Ordinal);
    }

    private static Task<CommandResult> TryFetchAsync(ContainerBench one) =>
        Shell.RunAsync([.. one.Mica.Launcher, .. ContainerBench.Fetch("127.0.0.1", 18080)]);

    private static async Task<string> FetchAsync(ContainerBench one) => (await TryFetchAsync(one)).Succeeded().Output;
}
