using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using System.Text.RegularExpressions;
using Mica.Oci;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Engine;

/// <summary>The networks of a root directory: three that are always there, and those that the user makes.</summary>
public sealed partial class Networks
{
    private static readonly Network s_host = new(IdOf("host"), "host", DateTimeOffset.UnixEpoch, "host") { IsPredefined = true };
    private static readonly Network s_none = new(IdOf("none"), "none", DateTimeOffset.UnixEpoch, "null") { IsPredefined = true };

    private static readonly Network s_bridge = new(IdOf("bridge"), "bridge", DateTimeOffset.UnixEpoch, "bridge")
    {
        Subnet = NetworkAddresses.Default.ToString(),
        Gateway = NetworkAddresses.First(NetworkAddresses.Default).ToString(),
        Interface = "micabr0",
        IsPredefined = true,
    };

    private readonly Engine _engine;

    internal Networks(Engine engine) => _engine = engine;

    /// <summary>All networks, by name.</summary>
    public async Task<ImmutableArray<Network>> ListAsync(CancellationToken cancellationToken) =>
    [
        .. ((Network[])[s_bridge, s_host, s_none]).Concat((await _engine.Store.Objects.ListAsync(ObjectKind.Network, cancellationToken)).Select(Of))
            .OrderBy(network => network.Name, StringComparer.Ordinal),
    ];

    /// <summary>The network with this name or identifier, or the beginning of one.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>.</exception>
    public async Task<Network> GetAsync(string nameOrId, CancellationToken cancellationToken)
    {
        Network? predefined = ((Network[])[s_bridge, s_host, s_none]).FirstOrDefault(network =>
            network.Name == nameOrId || (nameOrId.Length >= 4 && network.Id.StartsWith(nameOrId, StringComparison.Ordinal)));
        return predefined ?? (await _engine.Store.Objects.FindAsync(ObjectKind.Network, nameOrId, cancellationToken) is { } stored ? Of(stored)
            : throw new MicaException(ErrorKind.NotFound, $"network {Printable.Of(nameOrId)} not found"));
    }

    /// <summary>Makes a network. The bridge comes with the first container.</summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.AlreadyExists"/>: the name is taken. <see cref="ErrorKind.InvalidArgument"/>: it cannot be.
    /// <see cref="ErrorKind.Unsupported"/>: no such driver.
    /// </exception>
    public async Task<Network> CreateAsync(NetworkOptions options, CancellationToken cancellationToken)
    {
        if (!NamePattern().IsMatch(options.Name))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"invalid network name: {Printable.Of(options.Name)}");
        }

        if (options.Driver != "bridge")
        {
            throw new MicaException(ErrorKind.Unsupported, $"network driver {Printable.Of(options.Driver)} is not supported: there is bridge");
        }

        ImmutableArray<Network> all = await ListAsync(cancellationToken);
        if (all.Any(other => other.Name == options.Name))
        {
            throw new MicaException(ErrorKind.AlreadyExists, $"network with name {options.Name} already exists");
        }

        IPNetwork[] taken = [.. all.Where(network => network.Subnet.Length > 0).Select(network => IPNetwork.Parse(network.Subnet))];
        IPNetwork subnet = options.Subnet is { } wanted ? NetworkAddresses.ParseSubnet(wanted) : NetworkAddresses.Choose(taken);
        if (taken.Any(other => NetworkAddresses.Overlaps(other, subnet)))
        {
            throw new MicaException(ErrorKind.InvalidArgument, "invalid pool request: Pool overlaps with other one on this address space");
        }

        string gateway = options.Gateway ?? NetworkAddresses.First(subnet).ToString();
        if (!IPAddress.TryParse(gateway, out IPAddress? address) || !subnet.Contains(address))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"no matching subnet for gateway {Printable.Of(gateway)}");
        }

        if (options.Range is { } range && (!IPNetwork.TryParse(range, out IPNetwork part) || !subnet.Contains(part.BaseAddress)))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"no matching subnet for range {Printable.Of(range)}");
        }

        string id = ContainerNames.NewId();
        var network = new Network(id, options.Name, _engine.Options.Time.GetUtcNow(), "bridge")
        {
            Subnet = subnet.ToString(),
            Gateway = gateway,
            Range = options.Range ?? "",
            IsInternal = options.IsInternal,
            HasNames = true,
            Interface = $"mica-{id[..10]}",
            Labels = options.Labels,
            Options = options.Options,
        };
        if (await _engine.Store.Objects.AddAsync(
            ObjectKind.Network, new StoredObject(id, network.Name, network.Created, NetworkJson.Write(network), ""), null, cancellationToken) is not null)
        {
            throw new MicaException(ErrorKind.AlreadyExists, $"network with name {options.Name} already exists");
        }

        await TellAsync(network, "create", cancellationToken);
        return network;
    }

    /// <summary>Removes a network that no container uses.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Conflict"/>: a container is connected to it. <see cref="ErrorKind.PermissionDenied"/>: predefined.</exception>
    public async Task RemoveAsync(string nameOrId, CancellationToken cancellationToken)
    {
        Network network = await GetAsync(nameOrId, cancellationToken);
        if (network.IsPredefined)
        {
            throw new MicaException(ErrorKind.PermissionDenied, $"{network.Name} is a pre-defined network and cannot be removed");
        }

        Container[] users = [.. (await UsersAsync(network, cancellationToken)).Where(container => container.State.IsRunning)];
        if (users.Length > 0)
        {
            throw new MicaException(
                ErrorKind.Conflict, $"error while removing network: network {network.Name} has active endpoints (name:\"{users[0].Name}\" id:\"{users[0].ShortId}\")");
        }

        await _engine.Store.Objects.RemoveAsync(ObjectKind.Network, network.Id, cancellationToken);
        await Task.Run(() => new BridgeConnection(_engine.Runtime).Remove(network.ToBridge()), cancellationToken);
        await TellAsync(network, "destroy", cancellationToken);
    }

    /// <summary>Removes the networks that no container has.</summary>
    public async Task<ImmutableArray<string>> PruneAsync(Func<Network, bool> selects, CancellationToken cancellationToken)
    {
        ImmutableArray<string>.Builder removed = ImmutableArray.CreateBuilder<string>();
        foreach (Network network in await ListAsync(cancellationToken))
        {
            if (!network.IsPredefined && selects(network) && !(await UsersAsync(network, cancellationToken)).Any())
            {
                await RemoveAsync(network.Id, cancellationToken);
                removed.Add(network.Name);
            }
        }

        return removed.ToImmutable();
    }

    /// <summary>The containers that are, or will be when they run, in a network.</summary>
    public async Task<IEnumerable<Container>> UsersAsync(Network network, CancellationToken cancellationToken) =>
        (await _engine.Containers.ListAsync(cancellationToken)).Where(container => container.Definition.Networking is var networking
            && (networking.Endpoints.ContainsKey(network.Name) || networking.Mode == network.Name || networking.Mode == network.Id
                || container.State.Endpoints.Any(endpoint => endpoint.Network == network.Name)));

    /// <summary>Connects a container to a further network, at once if it runs.</summary>
    public async Task ConnectAsync(string network, string container, EndpointDefinition endpoint, CancellationToken cancellationToken)
    {
        Network wanted = await GetAsync(network, cancellationToken);
        await using ContainerHold held = await _engine.Containers.HoldAsync(container, cancellationToken);
        await new ContainerConnections(_engine, held).AddAsync(wanted, endpoint, cancellationToken);
        await TellAsync(wanted, "connect", cancellationToken, held.Container.Id);
    }

    /// <summary>Disconnects a container from a network.</summary>
    public async Task DisconnectAsync(string network, string container, CancellationToken cancellationToken)
    {
        Network wanted = await GetAsync(network, cancellationToken);
        await using ContainerHold held = await _engine.Containers.HoldAsync(container, cancellationToken);
        await new ContainerConnections(_engine, held).RemoveAsync(wanted, cancellationToken);
        await TellAsync(wanted, "disconnect", cancellationToken, held.Container.Id);
    }

    internal static PhysicalAddress? ParseHardware(string? text) => text is null or "" ? null
        : PhysicalAddress.TryParse(text.Replace(':', '-').ToUpperInvariant(), out PhysicalAddress? address) ? address
        : throw new MicaException(ErrorKind.InvalidArgument, $"invalid MAC address: {Printable.Of(text)}");

    internal static IPAddress? ParseAddress(string? text) => text is null or "" ? null
        : IPAddress.TryParse(text, out IPAddress? address) ? address
        : throw new MicaException(ErrorKind.InvalidArgument, $"invalid IPv4 address: {Printable.Of(text)}");

    private static string IdOf(string name) => Digest.Of(System.Text.Encoding.UTF8.GetBytes($"mica network {name}")).Hex;

    private static Network Of(StoredObject stored) => NetworkJson.Read(stored.Definition) with { Name = stored.Name };

    private Task TellAsync(Network network, string action, CancellationToken cancellationToken, string? container = null)
    {
        ImmutableSortedDictionary<string, string> attributes = ImmutableSortedDictionary<string, string>.Empty.Add("name", network.Name).Add("type", network.Driver);
        return _engine.TellAsync("network", action, network.Id, container is null ? attributes : attributes.Add("container", container), cancellationToken);
    }

    [GeneratedRegex(@"\A[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}\z")]
    private static partial Regex NamePattern();
}
