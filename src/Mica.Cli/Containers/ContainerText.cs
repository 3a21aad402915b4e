using System.Globalization;
using Mica.Cli.Rendering;
using Mica.Engine;

namespace Mica.Cli.Containers;

/// <summary>Containers in docker's words.</summary>
internal static class ContainerText
{
    /// <summary><c>Up 3 minutes (healthy)</c>, <c>Exited (0) 2 hours ago</c>.</summary>
    public static string Status(Container container, DateTimeOffset now)
    {
        ContainerState state = container.State;
        string since = HumanTime.Duration(now - (state.Started ?? container.Created));
        string health = state.Health is null ? "" : $" ({(state.Health.Status == "starting" ? "health: starting" : state.Health.Status)})";
        return state.Status switch
        {
            ContainerStatus.Created => "Created",
            ContainerStatus.Running => $"Up {since}{health}",
            ContainerStatus.Paused => $"Up {since} (Paused)",
            ContainerStatus.Restarting => $"Restarting ({state.ExitCode}) {HumanTime.Since(state.Finished ?? now, now)}",
            ContainerStatus.Removing => "Removal In Progress",
            _ => $"Exited ({state.ExitCode}) {HumanTime.Since(state.Finished ?? now, now)}",
        };
    }

    /// <summary>One word.</summary>
    public static string State(ContainerStatus status) => status switch
    {
        ContainerStatus.Created => "created",
        ContainerStatus.Running => "running",
        ContainerStatus.Paused => "paused",
        ContainerStatus.Restarting => "restarting",
        ContainerStatus.Removing => "removing",
        _ => "exited",
    };

    /// <summary><c>0.0.0.0:8080->80/tcp, 443/tcp</c>.</summary>
    public static string Ports(Container container)
    {
        if (!container.State.IsRunning)
        {
            return "";
        }

        IEnumerable<string> published = container.State.Ports
            .OrderBy(port => port.ContainerPort).ThenBy(port => port.Protocol, StringComparer.Ordinal).ThenBy(port => port.HostAddress, StringComparer.Ordinal)
            .Select(port => string.Create(CultureInfo.InvariantCulture, $"{Address(port)}:{port.HostPort}->{port.ContainerPort}/{port.Protocol}"));
        IEnumerable<string> exposed = container.Definition.Networking.Mode == "host" ? [] : container.Definition.ExposedPorts
            .Where(port => !container.State.Ports.Any(other => string.Create(CultureInfo.InvariantCulture, $"{other.ContainerPort}/{other.Protocol}") == port));
        return string.Join(", ", published.Concat(exposed));
    }

    /// <summary>An address of the machine as docker writes it before a port.</summary>
    public static string Address(PortDefinition port) => port.HostAddress.Length == 0 ? "0.0.0.0"
        : port.HostAddress.Contains(':', StringComparison.Ordinal) ? $"[{port.HostAddress}]" : port.HostAddress;

    /// <summary>The command line in quotes, cut.</summary>
    public static string Command(Container container, bool truncates)
    {
        string text = string.Join(' ', container.Definition.Arguments);
        return $"\"{(truncates && text.Length > 20 ? text[..19] + "…" : text)}\"";
    }
}
