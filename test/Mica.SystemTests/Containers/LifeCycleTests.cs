using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Mica.SystemTests.Containers;

/// <summary>Containers from their making to their end.</summary>
public sealed class LifeCycleTests(Workbench bench)
{
    [Theory]
    [InlineData("echo out; echo err >&2; exit 7", 7, "out\n", "err\n")]
    [InlineData("sh -c 'kill -9 $$'; exit $?", 137, "", "Killed\n")]
    [InlineData("true", 0, "", "")]
    public async Task Run_Program_PassesOnOutputAndExitCode(string command, int code, string output, string errors)
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);

        CommandResult result = await one.ShellAsync(command);

        Assert.Equal((code, output, errors), (result.ExitCode, result.Output, result.Errors));
        Assert.Equal("", await one.RunAsync("ps", "-aq"));
    }

    [Fact]
    public async Task Run_WhatCannotBe_ExitsAsDockerDoes()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);

        Assert.Contains("executable file", await one.Mica.FailAsync(127, "run", "--rm", "--network", "none", "busybox", "nosuch"), StringComparison.Ordinal);
        await one.Mica.FailAsync(126, "run", "--rm", "--network", "none", "busybox", "/tmp");
        Assert.Contains("no such image", await one.Mica.FailAsync(125, "run", "--rm", "--pull", "never", "nosuch:image"), StringComparison.Ordinal);
        Assert.Equal(125, (await one.Mica.TryAsync("run", "--nosuchflag", "busybox")).ExitCode);
        Assert.Contains("mount point", await one.Mica.FailAsync(125, "run", "--rm", "-v", "/tmp:/a", "-v", "/tmp:/a", "busybox", "true"), StringComparison.Ordinal);
        Assert.Equal("", await one.RunAsync("ps", "-aq"));
    }

    [Fact]
    public async Task Container_Detached_GoesThroughAllItsStates()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        string id = await one.SleepAsync("one");

        Assert.Equal(64, id.Length);
        Assert.Equal("one running\n", await one.RunAsync("ps", "--format", "{{.Names}} {{.State}}"));
        Assert.Equal("7\n", (await one.Mica.TryAsync("exec", "one", "sh", "-c", "echo 7; exit 7")) is { ExitCode: 7 } result ? result.Output : "");
        await one.RunAsync("pause", "one");
        Assert.Equal("paused", await one.ValueAsync("one", "{{.State.Status}}"));
        await one.RunAsync("unpause", "one");
        await one.RunAsync("rename", "one", "two");
        Stopwatch watch = Stopwatch.StartNew();
        await one.RunAsync("stop", "-t", "1", "two");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(8), $"stop took {watch.Elapsed}");
        Assert.Equal("exited 137", await one.ValueAsync("two", "{{.State.Status}} {{.State.ExitCode}}"));
        await one.RunAsync("start", "two");
        await one.RunAsync("restart", "-t", "0", "two");
        Assert.Contains("running", await one.Mica.FailAsync(1, "rm", "two"), StringComparison.Ordinal);
        await one.RunAsync("kill", "two");
        Assert.Equal("137\n", await one.RunAsync("wait", "two"));
        await one.RunAsync("rm", "two");
        Assert.Contains("no such container", await one.Mica.FailAsync(1, "start", "two"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Signals_ToMica_ReachTheProgram()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        using Process process = one.Mica.Start(
            "run", "--rm", "--network", "none", "--name", "trapping", "busybox", "sh", "-c", "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.1; done");
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));

        await Shell.RunAsync(["kill", "-TERM", $"{process.Id}"]);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(5, process.ExitCode);
        Assert.Equal("caught", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Kill_OfTheCommand_LeavesTheContainerRunning()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        using Process process = one.Mica.Start("run", "--network", "none", "--name", "goes-on", "busybox", "sh", "-c", "echo ready; sleep 2; echo done; exit 4");
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));

        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal("4\n", await one.RunAsync("wait", "goes-on"));
        Assert.Equal("ready\ndone\n", await one.RunAsync("logs", "goes-on"));
    }

    [Fact]
    public async Task Kill_OfTheMonitor_EndsInAKnownState()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        string id = await one.SleepAsync("orphan");
        await Shell.ScriptAsync("kill -9 $(cat \"/run/mica/containers/$1/monitor.pid\")", id);
        Assert.Equal("running", await one.ValueAsync("orphan", "{{.State.Status}}"));

        await one.RunAsync("kill", "orphan");

        Assert.Equal("exited 255", await one.ValueAsync("orphan", "{{.State.Status}} {{.State.ExitCode}}"));
        await one.RunAsync("start", "orphan");
        Assert.Equal("running", await one.ValueAsync("orphan", "{{.State.Status}}"));
    }

    [Theory]
    [InlineData("on-failure:2", "exit 3", "exited 2")]
    [InlineData("on-failure:2", "exit 0", "exited 0")]
    public async Task Restart_OnFailure_TriesAsOftenAsItSays(string policy, string command, string wanted)
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        await one.RunAsync("run", "-d", "--network", "none", "--name", "again", "--restart", policy, "busybox", "sh", "-c", $"sleep 0.2; {command}");

        await one.AwaitAsync("again", "{{.State.Status}} {{.RestartCount}}", wanted);
    }

    [Fact]
    public async Task Restart_Always_IsEndedByStopOnly()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        await one.RunAsync("run", "-d", "--network", "none", "--name", "again", "--restart", "always", "busybox", "sleep", "1000");
        string first = await one.ValueAsync("again", "{{.State.Pid}}");
        await Shell.RunAsync(["kill", "-9", first]);
        await one.AwaitAsync("again", "{{.State.Status}} {{.RestartCount}}", "running 1");

        await one.RunAsync("stop", "-t", "0", "again");
        await Task.Delay(1000, TestContext.Current.CancellationToken);

        Assert.Equal("exited", await one.ValueAsync("again", "{{.State.Status}}"));
    }

    [Fact]
    public async Task Health_OfAProgramThatBreaks_BecomesUnhealthy()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        await one.SleepAsync("checked", "--health-cmd", "[ -e /tmp/good ]", "--health-interval", "300ms", "--health-retries", "2");
        Assert.Equal("starting", await one.ValueAsync("checked", "{{.State.Health.Status}}"));

        await one.AwaitAsync("checked", "{{.State.Health.Status}}", "unhealthy");
        await one.RunAsync("exec", "checked", "sh", "-c", "echo >/tmp/good");
        await one.AwaitAsync("checked", "{{.State.Health.Status}}", "healthy");

        Assert.Contains("(healthy)", await one.RunAsync("ps"), StringComparison.Ordinal);
        Assert.Contains("health_status: healthy", await one.RunAsync("events", "--since", "5m", "--until", "0s"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_HaveTailSinceAndTimestamps()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        await one.Mica.TryAsync("run", "--network", "none", "--name", "talks", "busybox", "sh", "-c", "for i in 1 2 3 4 5; do echo line $i; done; printf end");

        Assert.Equal("line 1\nline 2\nline 3\nline 4\nline 5\nend", await one.RunAsync("logs", "talks"));
        Assert.Equal("line 5\nend", await one.RunAsync("logs", "--tail", "1", "talks"));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00) line 1\n", await one.RunAsync("logs", "-t", "talks"));
        Assert.Equal("", await one.RunAsync("logs", "--since", "2999-01-01T00:00:00Z", "talks"));
        Assert.EndsWith("end", await one.RunAsync("logs", "-f", "talks"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Terminal_OfAContainer_IsOneAndCanBeLeft()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        string mica = string.Join(' ', one.Mica.CommandLine("run", "-it", "--network", "none", "--name", "shell", "busybox", "sh").Select(word => $"'{word}'"));

        string typed = await Shell.ScriptAsync(
            "{ sleep 2; printf 'test -t 0 && echo a-terminal\\r'; sleep 1; printf '\\020\\021'; sleep 1; } | script -qec \"$1\" /dev/null", mica);

        Assert.Contains("a-terminal", typed, StringComparison.Ordinal);
        Assert.Equal("running", await one.ValueAsync("shell", "{{.State.Status}}"));
    }

    [Fact]
    public async Task Input_OfMica_IsTheProgramsInput()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);

        CommandResult run = await one.Mica.TryWithInputAsync("hello\n", "run", "-i", "--rm", "--network", "none", "busybox", "cat");
        await one.SleepAsync("reader");
        CommandResult exec = await one.Mica.TryWithInputAsync("there\n", "exec", "-i", "-e", "A=b", "-w", "/tmp", "-u", "12:34", "reader", "sh", "-c", "cat; echo $A $PWD; busybox id -u");

        Assert.Equal("hello\n", run.Succeeded().Output);
        Assert.Equal("there\nb /tmp\n12\n", exec.Succeeded().Output);
    }

    [Fact]
    public async Task Commands_OnOneContainerAtOnce_LeaveItInAKnownState()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        await one.SleepAsync("busy");
        string[][] commands = [["stop", "-t", "0", "busy"], ["start", "busy"], ["kill", "busy"], ["restart", "-t", "0", "busy"], ["pause", "busy"], ["unpause", "busy"]];

        CommandResult[] results = await Task.WhenAll(Enumerable.Range(0, 18).Select(i => one.Mica.TryAsync(commands[i % commands.Length])));

        Assert.DoesNotContain(results, result => result.ExitCode is not (0 or 1) || result.Errors.Contains("bug", StringComparison.Ordinal));
        await one.RunAsync("rm", "-f", "busy");
        Assert.Equal("", await one.RunAsync("ps", "-aq"));
    }

    [Fact]
    public async Task Containers_InARow_LeaveNothingBehind()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        const string Count = """
            find /run/mica/containers "$1/containers" -mindepth 1 -maxdepth 1 -newer "$2" | wc -l
            find /sys/fs/cgroup -type d -path '*/mica/*' -newer "$2" | wc -l
            """;
        string mark = Path.GetTempFileName();

        for (int i = 0; i < 30; i++)
        {
            await one.PrintedAsync("true");
        }

        string[] left = (await Shell.ScriptAsync(Count, one.Mica.Store, mark)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        File.Delete(mark);
        Assert.Equal("0", left[0]);
        Assert.DoesNotContain(one.Mica.Store, await File.ReadAllTextAsync("/proc/self/mountinfo", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_AndFilters_AreDockers()
    {
        await using ContainerBench one = await ContainerBench.OpenAsync(bench);
        await one.SleepAsync("web", "--label", "tier=front");
        await one.RunAsync("create", "--name", "db", "--label", "tier=back", "busybox", "true");

        Assert.Contains("is already in use by container", await one.Mica.FailAsync(125, "run", "--name", "web", "busybox"), StringComparison.Ordinal);
        Assert.Contains("are allowed", await one.Mica.FailAsync(2, "create", "--name", "a/b", "busybox"), StringComparison.Ordinal);
        Assert.Equal("web\n", await one.RunAsync("ps", "--format", "{{.Names}}"));
        Assert.Equal("db\n", await one.RunAsync("ps", "-a", "-f", "label=tier=back", "--format", "{{.Names}}"));
        Assert.Equal("db\n", await one.RunAsync("ps", "-f", "status=created", "--format", "{{.Names}}"));
        Assert.Equal("web", JsonNode.Parse(await one.RunAsync("ps", "--format", "json"))!["Names"]!.GetValue<string>());
        Assert.Contains("db", await one.RunAsync("container", "prune", "-f") is { } pruned && pruned.Contains("Deleted Containers:", StringComparison.Ordinal) ? "db" : "", StringComparison.Ordinal);
        Assert.Equal("web\n", await one.RunAsync("ps", "-a", "--format", "{{.Names}}"));
    }
}
