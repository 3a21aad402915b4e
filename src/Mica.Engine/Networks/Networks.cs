using System.Collections.Immutable;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Engine;

/// <summary>The networks of a root directory.</summary>
public sealed class Networks
{
    private readonly Engine _engine;

    internal Networks(Engine engine) => _engine = engine;

    /// <summary>What a container has to know of its network before it has processes.</summary>
    internal async Task<NetworkJoin> JoinAsync(Container container, CancellationToken cancellationToken)
    {
        string mode = container.Definition.Networking.Mode;
        if (mode == "host")
        {
            return new NetworkJoin(NetworkMode.Host, null, null);
        }

        if (mode.StartsWith("container:", StringComparison.Ordinal))
        {
            Container other = await _engine.Containers.GetAsync(mode["container:".Length..], cancellationToken);
            return other.State.Process is { } process
                ? new NetworkJoin(other.Definition.Networking.Mode == "host" ? NetworkMode.Host : NetworkMode.None, $"/proc/{process.ProcessId}/ns/net", other.Files)
                : throw new MicaException(ErrorKind.Conflict, $"cannot join network of a non running container: {other.Id}");
        }

        return new NetworkJoin(NetworkMode.None, null, null);
    }

    /// <summary>Connects a container, whose first process waits, to its networks.</summary>
    internal Task<NetworkResult> ConnectAsync(Container container, int process, CancellationToken cancellationToken)
    {
        string mode = container.Definition.Networking.Mode;
        return mode is "host" or "none" || mode.StartsWith("container:", StringComparison.Ordinal)
            ? Task.FromResult(new NetworkResult([], [], null, null))
            : throw new MicaException(ErrorKind.Unsupported, $"network {Printable.Of(mode)} is not supported yet ({process}, {_engine.Options.Root}, {cancellationToken.CanBeCanceled})");
    }

    /// <summary>Takes away what <see cref="ConnectAsync"/> made; nothing happens when there is nothing.</summary>
    internal Task DisconnectAsync(Container container, CancellationToken cancellationToken) =>
        container.State.Endpoints.IsEmpty ? Task.CompletedTask : Task.Delay(TimeSpan.Zero, _engine.Options.Time, cancellationToken);
}

/// <param name="Mode">The machine's, or one of its own.</param>
/// <param name="NamespacePath">Another's, to join.</param>
/// <param name="Etc">Whose hosts, hostname and resolv.conf it has; null: its own.</param>
internal sealed record NetworkJoin(NetworkMode Mode, string? NamespacePath, ContainerFiles? Etc);

/// <param name="Endpoints">Where it is connected.</param>
/// <param name="Ports">What leads to it.</param>
/// <param name="Address">Its own, for /etc/hosts.</param>
/// <param name="MachineAddress">The machine's, as it sees it.</param>
internal sealed record NetworkResult(ImmutableArray<EndpointState> Endpoints, ImmutableArray<PortDefinition> Ports, string? Address, string? MachineAddress);
