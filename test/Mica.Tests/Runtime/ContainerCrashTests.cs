using System.Diagnostics;
using Mica.Runtime;

namespace Mica.Tests.Runtime;

/// <summary>A process that runs a container is killed; the container must not outlive it.</summary>
public sealed class ContainerCrashTests
{
    private const string Variable = "MICA_TEST_VICTIM";

    [Fact]
    public async Task Run_ProcessKilled_NothingOutlivesIt()
    {
        using RuntimeFixture fixture = new();
        ContainerSpec spec = fixture.Spec("true");
        ProcessStartInfo start = new(Environment.ProcessPath!, ["-explicit", "on", "-method", $"{typeof(ContainerCrashTests).FullName}.{nameof(Victim)}"])
        {
            RedirectStandardOutput = true,
            Environment = { [Variable] = fixture.Options.StateDirectory, ["TMPDIR"] = fixture.MakeDirectory("victim") },
        };
        using Process victim = Process.Start(start)!;
        while (ContainerRunnerTests.ProcessesOf("765432").Count < 2)
        {
            Assert.False(victim.HasExited, "the victim must run a container");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        victim.Kill();
        await victim.WaitForExitAsync(TestContext.Current.CancellationToken);

        for (int i = 0; ContainerRunnerTests.ProcessesOf("765432").Count > 0; i++)
        {
            Assert.True(i < 200, "processes of the container are still there: " + string.Join(", ", ContainerRunnerTests.ProcessesOf("765432")));
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.Single(new ContainerRunner(fixture.Options).RemoveLeftovers());
        fixture.AssertNothingLeft();
    }

    [Fact(Explicit = true)]
    public async Task Victim()
    {
        using RuntimeFixture fixture = new();
        RuntimeOptions options = fixture.Options with { StateDirectory = Environment.GetEnvironmentVariable(Variable)! };

        await new ContainerRunner(options).RunAsync(
            fixture.Shell("sleep 765432 & sleep 765432") with { Limits = new ResourceLimits { Pids = 50 } }, (_, _) => { }, TestContext.Current.CancellationToken);
    }
}
