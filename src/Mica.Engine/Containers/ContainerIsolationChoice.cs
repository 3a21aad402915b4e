using Mica.Oci;
using Mica.Runtime;

namespace Mica.Engine;

/// <summary>Turns what the user says of a container's isolation into what the runtime is told: other containers become their processes.</summary>
internal sealed class ContainerIsolationChoice(Containers containers, ContainerDefinition definition)
{
    private readonly ContainerIsolation _wanted = definition.Isolation;

    /// <summary>What counts for a further program too.</summary>
    public static IsolationSpec Capabilities(ContainerIsolation wanted) => new()
    {
        IsPrivileged = wanted.IsPrivileged,
        AddedCapabilities = wanted.AddedCapabilities,
        DroppedCapabilities = wanted.DroppedCapabilities,
        SecurityOptions = wanted.SecurityOptions,
    };

    public async Task<IsolationSpec> ResolveAsync(CancellationToken cancellationToken) => Capabilities(_wanted) with
    {
        Devices = _wanted.Devices,
        DeviceRules = _wanted.DeviceRules,
        Sysctls = _wanted.Sysctls,
        Pid = await NamespaceAsync("pid", _wanted.Pid, cancellationToken),
        Ipc = await NamespaceAsync("ipc", _wanted.Ipc is "private" or "shareable" or "none" ? "" : _wanted.Ipc, cancellationToken),
        HasSharedMemory = _wanted.Ipc != "none",
        Uts = await NamespaceAsync("uts", _wanted.Uts, cancellationToken),
        Cgroup = await NamespaceAsync("cgroup", _wanted.Cgroup is "private" ? "" : _wanted.Cgroup, cancellationToken),
    };

    private async Task<NamespaceChoice> NamespaceAsync(string type, string mode, CancellationToken cancellationToken)
    {
        if (mode.Length == 0)
        {
            return NamespaceChoice.Own;
        }

        if (mode == "host")
        {
            return NamespaceChoice.Host;
        }

        if (mode.StartsWith("container:", StringComparison.Ordinal))
        {
            Container other = await containers.GetAsync(mode["container:".Length..], cancellationToken);
            return other.State.Process is { } process
                ? new NamespaceChoice(false, $"/proc/{process.ProcessId}/ns/{type}")
                : throw new MicaException(ErrorKind.Conflict, $"cannot join {type} namespace of a non running container: {other.Id}");
        }

        throw new MicaException(ErrorKind.InvalidArgument, $"invalid {type} mode: {Printable.Of(mode)}");
    }
}
