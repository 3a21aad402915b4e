using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mica.Linux;
using Mica.Runtime;

namespace Mica.Tests.Runtime;

/// <summary>The bridge, in a network namespace of the test's own, so that the machine's network is left alone.</summary>
public sealed class BridgeNetworkTests(ITestOutputHelper log)
{
    private const string Variable = "MICA_TEST_NETWORK";

    [Fact]
    public async Task Run_DefaultNetwork_HasAnAddressAndIsTakenDown()
    {
        Assert.SkipUnless(LinuxUser.EffectiveUserId == 0, "needs root, to make networks");
        RuntimeOptions options = new("/", "/");
        Assert.SkipUnless(options.FindProgram("netavark") is not null, "needs netavark (apt-get install netavark)");
        Assert.SkipUnless(options.FindProgram("iptables-save") is not null, "needs iptables (apt-get install iptables)");
        using RuntimeFixture fixture = new();

        string said = await RunApartAsync(["unshare", "--net", "--mount", "--", .. ThisProgram(nameof(Apart))], "");

        Assert.Contains("Total: 1, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0", said, StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public async Task Apart()
    {
        using RuntimeFixture fixture = new();
        await RunToolAsync("ip", "link", "set", "lo", "up");
        await RunToolAsync("mount", "-t", "sysfs", "sysfs", "/sys");

        using (ContainerRunner runner = new(fixture.Options))
        {
            (string first, string second) = (await RunAsync(runner, fixture), await RunAsync(runner, fixture));
            Assert.Equal("inet 10.87.0.2/16\nvia 10.87.0.1\n1\n", first);
            Assert.Equal(first, second);
            Assert.Single(Directory.GetDirectories(fixture.Options.StateDirectory));
            Task<string>[] together = [RunAsync(runner, fixture), RunAsync(runner, fixture)];
            Assert.NotEqual(await together[0], await together[1]);

            using TcpListener listener = new(IPAddress.Any, 0);
            listener.Start();
            Task<ContainerExit> run = runner.RunAsync(
                fixture.Shell($"echo hello | nc 10.87.0.1 {((IPEndPoint)listener.LocalEndpoint).Port}") with { Network = NetworkMode.Default },
                (_, bytes) => log.WriteLine(Encoding.UTF8.GetString(bytes)), TestContext.Current.CancellationToken);
            using (Socket socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken))
            {
                byte[] hello = new byte[6];
                Assert.Equal(6, await socket.ReceiveAsync(hello, TestContext.Current.CancellationToken));
            }

            ContainerExit exit = await run;
            Assert.Empty(exit.Notices);
        }

        await AssertNoNetworkAsync(fixture);
        await CrashAsync(fixture);
        await AssertNoNetworkAsync(fixture);
    }

    [Fact(Explicit = true)]
    public async Task Victim()
    {
        using RuntimeFixture fixture = new();
        string[] directories = Environment.GetEnvironmentVariable(Variable)!.Split(':');
        using ContainerRunner runner = new(fixture.Options with { StateDirectory = directories[0], NetworkDirectory = directories[1] });

        await runner.RunAsync(fixture.Shell("sleep 543210") with { Network = NetworkMode.Default }, (_, _) => { }, TestContext.Current.CancellationToken);
    }

    private static async Task CrashAsync(RuntimeFixture fixture)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!, ThisProgram(nameof(Victim)).Skip(1))
        {
            RedirectStandardOutput = true,
            Environment = { [Variable] = $"{fixture.Options.StateDirectory}:{fixture.Options.NetworkDirectory}" },
        };
        using Process victim = Process.Start(start)!;
        while (ContainerRunnerTests.ProcessesOf("543210").Count == 0)
        {
            Assert.False(victim.HasExited, "the victim must run a container");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.Contains("10.87.0", await RunToolAsync("iptables-save"), StringComparison.Ordinal);
        victim.Kill();
        await victim.WaitForExitAsync(TestContext.Current.CancellationToken);
        using ContainerRunner runner = new(fixture.Options);
        Assert.Equal(2, runner.RemoveLeftovers().Count); // the container and its network
    }

    private static async Task AssertNoNetworkAsync(RuntimeFixture fixture)
    {
        fixture.AssertNothingLeft();
        Assert.DoesNotContain("mica0", await RunToolAsync("ip", "link"), StringComparison.Ordinal);
        string[] rules = (await RunToolAsync("iptables-save")).Split('\n');
        Assert.DoesNotContain(rules, rule => rule.Contains("10.87.0.", StringComparison.Ordinal));
    }

    private static async Task<string> RunAsync(ContainerRunner runner, RuntimeFixture fixture)
    {
        StringBuilder output = new();
        ContainerSpec spec = fixture.Shell("ip -4 a show eth0 | grep -o 'inet [0-9./]*'; ip route | grep -o 'via [0-9.]*'; grep -c 10.87.0 /etc/hosts; sleep 0.3");
        ContainerExit exit = await runner.RunAsync(
            spec with { Network = NetworkMode.Default }, (_, bytes) => output.Append(Encoding.UTF8.GetString(bytes)), TestContext.Current.CancellationToken);
        Assert.Empty(exit.Notices);
        return output.ToString();
    }

    private static async Task<string> RunToolAsync(string tool, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true })!;
        string said = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"{tool} {string.Join(' ', arguments)}");
        return said;
    }

    private async Task<string> RunApartAsync(string[] words, string value)
    {
        ProcessStartInfo start = new(words[0], words[1..]) { RedirectStandardOutput = true, Environment = { [Variable] = value } };
        using Process apart = Process.Start(start)!;
        string said = await apart.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await apart.WaitForExitAsync(TestContext.Current.CancellationToken);
        log.WriteLine(said);
        Assert.True(apart.ExitCode == 0, said);
        return said;
    }

    private static string[] ThisProgram(string method) =>
        [Environment.ProcessPath!, "-noColor", "-noLogo", "-explicit", "only", "-method", $"{typeof(BridgeNetworkTests).FullName}.{method}", "-showLiveOutput"];
}
