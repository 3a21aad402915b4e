using Mica.Oci;

namespace Mica.Engine;

/// <summary>
/// What the monitor of a container runs when its program has ended: it sees to the end, and starts the container again if its
/// policy says so, after a pause that doubles with every failure. So a container is held up without a daemon.
/// </summary>
internal sealed class ContainerRestart(Engine engine, Containers containers)
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(1);

    /// <summary>One that ran so long begins with the shortest pause again.</summary>
    private static readonly TimeSpan s_goodRun = TimeSpan.FromSeconds(10);

    public async Task RunAsync(string id, CancellationToken cancellationToken)
    {
        TimeSpan pause;
        await using (ContainerHold? held = await containers.TryHoldAsync(id, cancellationToken, waits: true))
        {
            if (held is null or { IsGone: true } || !IsWanted(held.Container))
            {
                return;
            }

            pause = PauseOf(held.Container.State);
            await held.SaveAsync(held.Container.State with { Status = ContainerStatus.Restarting }, cancellationToken);
        }

        await Task.Delay(pause, engine.Options.Time, cancellationToken);
        await using (ContainerHold? held = await containers.TryHoldAsync(id, cancellationToken, waits: true))
        {
            if (held is null or { IsGone: true } || held.Container.State.Status != ContainerStatus.Restarting)
            {
                return; // stopped, removed or started by somebody meanwhile
            }

            await held.SaveAsync(held.Container.State with { Restarts = held.Container.State.Restarts + 1 }, cancellationToken);
            try
            {
                await new ContainerStart(engine, containers, held).RunAsync(attaches: false, isAttended: false, cancellationToken);
            }
            catch (MicaException)
            {
                // Its state tells why.
            }
        }
    }

    private static bool IsWanted(Container container)
    {
        ContainerState state = container.State;
        return state is { Status: ContainerStatus.Exited, WasStopped: false } && container.Definition.Restart switch
        {
            { Name: "always" or "unless-stopped" } => true,
            { Name: "on-failure", MaximumRetryCount: var most } => state.ExitCode != 0 && (most == 0 || state.Restarts < most),
            _ => false,
        };
    }

    private static TimeSpan PauseOf(ContainerState state)
    {
        if (state.Finished - state.Started >= s_goodRun)
        {
            return s_firstPause;
        }

        double factor = Math.Pow(2, Math.Min(state.Restarts, 20));
        return s_firstPause * factor < s_longestPause ? s_firstPause * factor : s_longestPause;
    }
}
