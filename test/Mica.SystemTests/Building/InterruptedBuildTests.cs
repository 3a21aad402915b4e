using System.Diagnostics;

namespace Mica.SystemTests.Building;

/// <summary>Builds that are told to stop, and builds that nobody asks.</summary>
public sealed class InterruptedBuildTests(Workbench bench)
{
    // The log shows the command too, which must not look like its output.
    private const string Slow = "FROM busybox\nRUN echo be''gun; (trap '' INT TERM HUP; sleep 1000) & sleep 1000\n";

    /// <summary>
    /// What is left of the run of mica with process id $1, and of its network with address $2: containers, control groups, a
    /// network that no living process holds, rules of the firewall. Other tests have containers of their own at the same time.
    /// </summary>
    private const string Remains = """
        find /run/mica -maxdepth 1 -name "build-$1-*"
        find /sys/fs/cgroup -type d -path "*/mica/build-$1-*"
        [ -n "$2" ] || exit 0
        if [ ! -e "/run/mica/.net-$2/lock" ]; then iptables-save | grep -F -- "$2/" || true
        elif flock -n "/run/mica/.net-$2/lock" true; then echo "network $2"; fi
        """;

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 130)]
    public async Task Signal_WhileAStepRuns_EndsEverything(string signal, int exitCode)
    {
        await using BuildBench build = await BuildBench.OpenAsync(bench);
        (Process process, Task<string> log) = await build.StartAsync(Slow, "begun");

        await Shell.RunAsync(["kill", "-" + signal, $"{process.Id}"]);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(process.ExitCode == exitCode, $"exit {process.ExitCode}: {await log}");
        await build.NothingIsLeftAsync();
        Assert.Equal("", await Shell.ScriptAsync(Remains, $"{process.Id}", ""));
        (await build.TryAsync("FROM busybox\nRUN echo works >/works\n")).Succeeded();
    }

    /// <summary>On the bridge, which has a network namespace, an interface and rules of the firewall besides.</summary>
    [Fact]
    public async Task Kill_WhileAStepRunsOnTheNetwork_LeavesNothingAfterTheNextBuild()
    {
        await using BuildBench build = await BuildBench.OpenAsync(bench);
        (Process process, _) = await build.StartAsync(Slow, "begun", "--network", "default");
        string address = (await Shell.ScriptAsync(
            "for net in /run/mica/.net-*; do flock -n \"$net/lock\" true || echo \"${net#*.net-}\"; done | tail -1")).Trim();
        Assert.Matches("^10\\.", address);

        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        (await build.TryAsync("FROM busybox\nRUN echo works >/works\n")).Succeeded();

        await build.NothingIsLeftAsync();
        Assert.Equal("", await Shell.ScriptAsync(Remains, $"{process.Id}", address));
    }

    [Fact]
    public async Task Kill_Anywhere_NextBuildMakesTheSameImage()
    {
        string dockerfile = """
            FROM busybox AS first
            COPY large /large
            RUN echo one >/one && sleep 0.2
            FROM busybox
            COPY --from=first /large /one /
            RUN rm /large && echo two >/two && sleep 0.2
            COPY --chmod=600 small /small
            """;
        string[] flags = ["-q", "-t", "killed", "--build-arg", "SOURCE_DATE_EPOCH=1700000000"];
        await using BuildBench reference = await BuildBench.OpenAsync(bench), build = await BuildBench.OpenAsync(bench);
        foreach (BuildBench one in (BuildBench[])[reference, build])
        {
            await Shell.ScriptAsync("seq 2000000 >\"$1/large\"; echo small >\"$1/small\"", one.Context);
        }

        Stopwatch whole = Stopwatch.StartNew();
        string expected = (await reference.TryAsync(dockerfile, flags)).Succeeded().Output;
        int longest = (int)whole.ElapsedMilliseconds;
        Random random = new(20);
        for (int kill = 0; kill < 12; kill++)
        {
            build.File("Dockerfile", dockerfile);
            using Process process = build.Mica.Start(["build", "--network", "none", .. flags, "--no-cache", build.Context]);
            await Task.Delay(random.Next(10, longest), TestContext.Current.CancellationToken);
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(expected, (await build.TryAsync(dockerfile, flags)).Succeeded().Output);
        Assert.Equal(expected, (await build.TryAsync(dockerfile, [.. flags, "--no-cache"])).Succeeded().Output);
        await build.NothingIsLeftAsync();
    }
}
