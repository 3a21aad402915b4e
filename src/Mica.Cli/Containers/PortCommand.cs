using System.Globalization;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary><c>mica port</c>.</summary>
internal sealed class PortCommand() : EngineCommand("CONTAINER [PRIVATE_PORT[/PROTO]]", "List port mappings or a specific mapping for the container", ArgumentCount.Between(1, 2))
{
    public override Completes Completes => Completes.Containers;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        Container container = await engine.Containers.GetAsync(invocation.Arguments[0], cancellationToken);
        string? wanted = invocation.Arguments.Length < 2 ? null
            : invocation.Arguments[1].Contains('/', StringComparison.Ordinal) ? invocation.Arguments[1] : invocation.Arguments[1] + "/tcp";
        bool any = false;
        foreach (PortDefinition port in container.State.Ports.OrderBy(port => port.ContainerPort))
        {
            string inside = string.Create(CultureInfo.InvariantCulture, $"{port.ContainerPort}/{port.Protocol}");
            string outside = string.Create(CultureInfo.InvariantCulture, $"{ContainerText.Address(port)}:{port.HostPort}");
            if (wanted is null || wanted == inside)
            {
                any = true;
                invocation.Output.Write(wanted is null ? $"{inside} -> {outside}\n" : $"{outside}\n");
            }
        }

        return any || wanted is null ? ExitCodes.Success
            : throw new MicaException(ErrorKind.NotFound, $"no public port '{Printable.Of(wanted)}' published for {container.Name}");
    }
}

/// <summary><c>mica top</c>.</summary>
internal sealed class TopCommand() : EngineCommand("CONTAINER [ps OPTIONS]", "Display the running processes of a container", ArgumentCount.AtLeast(1))
{
    public override Completes Completes => Completes.Containers;

    public override bool StopsAtFirstArgument => true;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Arguments.Length > 1)
        {
            throw new MicaException(ErrorKind.Unsupported, "options of ps are not supported: the columns are UID, PID, PPID, C, STIME, TTY, TIME and CMD");
        }

        var table = new Rendering.TextTable();
        table.Add("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD");
        foreach (ContainerTask task in await engine.Containers.ProcessesAsync(invocation.Arguments[0], cancellationToken))
        {
            DateTimeOffset started = task.Started.ToLocalTime();
            table.Add(
                task.User, task.ProcessId.ToString(CultureInfo.InvariantCulture), task.ParentId.ToString(CultureInfo.InvariantCulture),
                task.Percent.ToString(CultureInfo.InvariantCulture),
                started.ToString(invocation.Now - started < TimeSpan.FromDays(1) ? "HH:mm" : "MMMdd", CultureInfo.InvariantCulture), task.Terminal,
                task.Time.ToString(@"hh\:mm\:ss", CultureInfo.InvariantCulture), task.Command);
        }

        invocation.Output.Write(table.ToString());
        return ExitCodes.Success;
    }
}
