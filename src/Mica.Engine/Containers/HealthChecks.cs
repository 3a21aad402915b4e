using System.Collections.Immutable;
using System.Text;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>
/// The checks of a container, in docker's terms: it is starting, then healthy or unhealthy. A process of ours watches each
/// container that has any, for as long as it runs.
/// </summary>
internal sealed class HealthChecks(Engine engine, Containers containers)
{
    private const int KeptResults = 5;
    private const int KeptOutput = 4096;
    private const int DefaultRetries = 3;

    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_startInterval = TimeSpan.FromSeconds(5);

    /// <summary>The state of a container that begins; null: it has no checks.</summary>
    public static HealthState? Initial(Healthcheck? check) => IsWanted(check) ? new HealthState() : null;

    /// <summary>Starts the process that watches; without a program of ours nobody does.</summary>
    public static void Watch(Engine engine, Container container)
    {
        ImmutableArray<string> program = engine.Options.Program;
        if (!IsWanted(container.Definition.Healthcheck) || program.IsEmpty || engine.Runtime.FindProgram("setsid") is not { } setsid)
        {
            return;
        }

        // setsid forks and ends, so that the watcher is no child of ours.
        using ChildProcess child = ChildProcess.Start(new ChildCommand(
            setsid, ["setsid", "--fork", .. program, "container", "watch", container.Id], engine.Options.ProgramEnvironment)
        {
            IsSilent = true,
        });
        child.Wait();
    }

    /// <summary>Watches until the container ends.</summary>
    public async Task RunAsync(string id, CancellationToken cancellationToken)
    {
        Container container = await containers.GetAsync(id, cancellationToken);
        if (container.State.Process is not { } process || container.Definition.Healthcheck is not { } check || !IsWanted(check))
        {
            return;
        }

        DateTimeOffset started = container.State.Started ?? engine.Options.Time.GetUtcNow();
        TimeSpan period = Span(check.StartPeriod, TimeSpan.Zero);
        while (true)
        {
            bool isStarting = engine.Options.Time.GetUtcNow() - started < period && container.State.Health?.Status == "starting";
            TimeSpan pause = isStarting ? Span(check.StartInterval, s_startInterval) : Span(check.Interval, s_interval);
            if (await Containers.EndedWithinAsync(container, pause, cancellationToken))
            {
                return;
            }

            container = await containers.GetAsync(id, cancellationToken);
            if (container.State.Process != process)
            {
                return;
            }

            if (container.State.Status == ContainerStatus.Running)
            {
                HealthResult result = await Task.Run(() => Check(container, check), cancellationToken);
                await KeepAsync(container, check, result, isStarting, cancellationToken);
                container = await containers.GetAsync(id, cancellationToken);
            }
        }
    }

    private static bool IsWanted(Healthcheck? check) => check?.Test is { Length: > 0 } test && test is not (["NONE"] or [""]);

    private static TimeSpan Span(long? nanoseconds, TimeSpan usual) => nanoseconds is > 0 and var given ? TimeSpan.FromTicks(given / 100) : usual;

    private HealthResult Check(Container container, Healthcheck check)
    {
        ImmutableArray<string> test = check.Test!.Value;
        ImmutableArray<string> command = test[0] switch
        {
            "CMD" => test[1..],
            "CMD-SHELL" => ["/bin/sh", "-c", .. test[1..]],
            _ => test,
        };
        StringBuilder said = new();
        DateTimeOffset start = engine.Options.Time.GetUtcNow();
        int? code;
        TimeSpan timeout = Span(check.Timeout, s_interval);
        try
        {
            code = new ContainerExecutions(containers).Run(container, new ExecDefinition { Command = command }, (_, bytes) =>
            {
                if (said.Length < KeptOutput)
                {
                    said.Append(Encoding.UTF8.GetString(bytes));
                }
            }, timeout);
        }
        catch (MicaException failure)
        {
            said.Append(failure.Message);
            code = 1;
        }

        string output = code is null ? $"Health check exceeded timeout ({timeout.TotalSeconds:0.###}s)" : said.ToString();
        return new HealthResult(start, engine.Options.Time.GetUtcNow(), code ?? -1, output.Length > KeptOutput ? output[..KeptOutput] : output);
    }

    private async Task KeepAsync(Container container, Healthcheck check, HealthResult result, bool isStarting, CancellationToken cancellationToken)
    {
        await using ContainerHold? held = await containers.TryHoldAsync(container.Id, cancellationToken, waits: true);
        if (held is null or { IsGone: true } || held.Container.State.Process != container.State.Process)
        {
            return;
        }

        HealthState before = held.Container.State.Health ?? new HealthState();
        int streak = result.ExitCode == 0 ? 0 : before.Status == "starting" && isStarting ? before.FailingStreak : before.FailingStreak + 1;
        string status = result.ExitCode == 0 ? "healthy" : streak >= (check.Retries is > 0 and var retries ? retries : DefaultRetries) ? "unhealthy" : before.Status;
        await held.SaveAsync(held.Container.State with
        {
            Health = new HealthState { Status = status, FailingStreak = streak, Log = [.. before.Log.Append(result).TakeLast(KeptResults)] },
        }, cancellationToken);
        if (status != before.Status)
        {
            await containers.TellAsync(held.Container, $"health_status: {status}", cancellationToken);
        }
    }
}
