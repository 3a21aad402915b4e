using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Mica.Linux;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Engine;

/// <summary>Connects a container whose lock is held to its networks, and publishes its ports.</summary>
internal sealed class ContainerConnections(Engine engine, ContainerHold held)
{
    private ContainerNetworking Networking => held.Container.Definition.Networking;

    /// <summary>What has to be known of its networks before it has processes. The caller disposes the reservation.</summary>
    public async Task<NetworkJoin> JoinAsync(CancellationToken cancellationToken)
    {
        string mode = Networking.Mode;
        if (mode == "host")
        {
            return new NetworkJoin(NetworkMode.Host);
        }

        if (mode.StartsWith("container:", StringComparison.Ordinal))
        {
            Container other = await engine.Containers.GetAsync(mode["container:".Length..], cancellationToken);
            return other.State.Process is { } process
                ? new NetworkJoin(other.Definition.Networking.Mode == "host" ? NetworkMode.Host : NetworkMode.None)
                {
                    NamespacePath = string.Create(CultureInfo.InvariantCulture, $"/proc/{process.ProcessId}/ns/net"),
                    Etc = other.Files,
                }
                : throw new MicaException(ErrorKind.Conflict, $"cannot join network of a non running container: {other.Id}");
        }

        if (mode == "none")
        {
            return new NetworkJoin(NetworkMode.None);
        }

        if (BridgeConnection.FindObstacle(engine.Runtime) is { } obstacle)
        {
            return WithoutBridges(obstacle);
        }

        List<string> servers = [];
        foreach ((string name, _) in Wanted())
        {
            Network network = await engine.Networks.GetAsync(name, cancellationToken);
            if (network.Driver != "bridge")
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"conflicting options: {Printable.Of(name)} cannot be combined with other networks");
            }

            if (network.HasNames)
            {
                servers.Add(network.Gateway);
            }
        }

        if (servers.Count == 0 && Networking.Dns.Servers.IsEmpty)
        {
            servers.AddRange(OwnServers);
        }

        PortReservation reservation = new();
        try
        {
            ImmutableArray<PortDefinition> ports = await ReserveAsync(reservation, cancellationToken);
            if (engine.Runtime.Rung != RuntimeRung.Root)
            {
                reservation.Dispose(); // who leads an ordinary user's ports binds to them itself
            }

            return new NetworkJoin(NetworkMode.None) { Reservation = engine.Runtime.Rung == RuntimeRung.Root ? reservation : null, Ports = ports, NameServers = [.. servers] };
        }
        catch
        {
            reservation.Dispose();
            throw;
        }
    }

    /// <summary>Connects the container, whose first process waits. Its ports are published by <see cref="PublishAsync"/>.</summary>
    public async Task<ImmutableArray<EndpointState>> ConnectAsync(NetworkJoin join, ProcessIdentity process, CancellationToken cancellationToken)
    {
        if (join.Mode == NetworkMode.Host || join.NamespacePath is not null)
        {
            return [];
        }

        if (Networking.Mode == "none")
        {
            await Task.Run(() => BridgeConnection.SetUpLoopback(process), cancellationToken);
            return [];
        }

        ImmutableArray<EndpointState>.Builder endpoints = ImmutableArray.CreateBuilder<EndpointState>();
        foreach ((string name, EndpointDefinition endpoint) in Wanted())
        {
            Network network = await engine.Networks.GetAsync(name, cancellationToken);
            endpoints.Add(await ConnectAsync(network, endpoint, process, endpoints.Count, cancellationToken));
        }

        return endpoints.ToImmutable();
    }

    /// <summary>Lets the ports lead to the container, and its networks know its names.</summary>
    public async Task PublishAsync(CancellationToken cancellationToken)
    {
        Container container = held.Container;
        if (container.State.Ports.Length > 0 && container.State.Endpoints is [var first, ..])
        {
            await Task.Run(() => new BridgeConnection(engine.Runtime).Publish(Published(container.State.Ports), AddressOf(first)), cancellationToken);
        }

        await UpdateNamesAsync(container.State.Endpoints, cancellationToken);
    }

    /// <summary>Takes away all connections; the container has ended, or is about to be given up.</summary>
    public async Task DisconnectAsync(CancellationToken cancellationToken)
    {
        Container container = held.Container;
        bool isFirst = true;
        foreach (EndpointState endpoint in container.State.Endpoints)
        {
            await DisconnectAsync(endpoint, isFirst ? container.State.Ports : [], cancellationToken);
            isFirst = false;
        }

        if (!container.State.Endpoints.IsEmpty)
        {
            ImmutableArray<EndpointState> former = container.State.Endpoints;
            await held.SaveAsync(container.State with { Endpoints = [], Ports = [] }, cancellationToken);
            await UpdateNamesAsync(former, cancellationToken);
        }
    }

    /// <summary>Connects the container to a further network.</summary>
    public async Task AddAsync(Network network, EndpointDefinition endpoint, CancellationToken cancellationToken)
    {
        Container container = held.Container;
        if (network.Driver != "bridge" || Networking.Mode is "host" or "none" || Networking.Mode.StartsWith("container:", StringComparison.Ordinal))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"container {container.Name} cannot be connected to {network.Name}: its network mode is {Networking.Mode}");
        }

        if (Wanted().Any(wanted => wanted.Name == network.Name))
        {
            throw new MicaException(ErrorKind.Conflict, $"endpoint with name {container.Name} already exists in network {network.Name}");
        }

        ImmutableSortedDictionary<string, EndpointDefinition> endpoints = Networking.Endpoints.IsEmpty
            ? ImmutableSortedDictionary<string, EndpointDefinition>.Empty.Add(Networking.Mode, new EndpointDefinition()) : Networking.Endpoints;
        await held.SaveAsync(
            container.Definition with { Networking = Networking with { Endpoints = endpoints.SetItem(network.Name, endpoint) } }, cancellationToken);
        if (container.State is { IsRunning: true, Process: { } process })
        {
            int number = Enumerable.Range(0, 100).First(i => container.State.Endpoints.All(other => other.Interface != $"eth{i}"));
            EndpointState connected = await ConnectAsync(network, endpoint, process, number, cancellationToken);
            await held.SaveAsync(held.Container.State with { Endpoints = [.. held.Container.State.Endpoints, connected] }, cancellationToken);
            await UpdateNamesAsync([connected], cancellationToken);
        }
    }

    /// <summary>Disconnects the container from a network.</summary>
    public async Task RemoveAsync(Network network, CancellationToken cancellationToken)
    {
        Container container = held.Container;
        EndpointState? connected = container.State.Endpoints.FirstOrDefault(endpoint => endpoint.Network == network.Name);
        if (connected is null && Wanted().All(wanted => wanted.Name != network.Name))
        {
            throw new MicaException(ErrorKind.NotFound, $"container {container.Id} is not connected to network {network.Name}");
        }

        ImmutableSortedDictionary<string, EndpointDefinition> rest = Networking.Endpoints.Remove(network.Name);
        string mode = Networking.Mode == network.Name ? rest.Keys.FirstOrDefault("none") : Networking.Mode;
        await held.SaveAsync(container.Definition with { Networking = Networking with { Endpoints = rest, Mode = mode } }, cancellationToken);
        if (connected is not null)
        {
            bool isFirst = container.State.Endpoints[0] == connected;
            await DisconnectAsync(connected, isFirst ? container.State.Ports : [], cancellationToken);
            await held.SaveAsync(container.State with
            {
                Endpoints = container.State.Endpoints.Remove(connected),
                Ports = isFirst ? [] : container.State.Ports,
            }, cancellationToken);
            await UpdateNamesAsync([connected], cancellationToken);
        }
    }

    private static IPAddress AddressOf(EndpointState endpoint) => IPAddress.Parse(endpoint.Address.Split('/')[0]);

    private static PublishedPort[] Published(IEnumerable<PortDefinition> ports) => [.. ports.Select(port => new PublishedPort(
        Networks.ParseAddress(port.HostAddress) is { } address && !address.Equals(IPAddress.Any) ? address : null, port.HostPort, port.Protocol, port.ContainerPort))];

    /// <summary>Who is asked for names that no network knows; none: the machine's.</summary>
    private ImmutableArray<string> OwnServers => engine.Runtime.Rung == RuntimeRung.Root ? [] : [BridgeConnection.NameServerOfUsers];

    /// <summary>The networks it shall be in, the one of its mode first.</summary>
    private IEnumerable<(string Name, EndpointDefinition Endpoint)> Wanted() => Networking.Endpoints.IsEmpty
        ? [(Networking.Mode, new EndpointDefinition())]
        : Networking.Endpoints.Select(pair => (pair.Key, pair.Value)).OrderBy(pair => pair.Key == Networking.Mode ? 0 : 1);

    private async Task<EndpointState> ConnectAsync(
        Network network, EndpointDefinition endpoint, ProcessIdentity process, int number, CancellationToken cancellationToken)
    {
        if (endpoint.Address6 is { Length: > 0 })
        {
            throw new MicaException(ErrorKind.Unsupported, "networks have IPv4 addresses only");
        }

        if (endpoint.Address is { Length: > 0 } && !network.HasNames)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "user specified IP address is supported on user defined networks only");
        }

        BridgeDefinition bridge = network.ToBridge();
        string inside = string.Create(CultureInfo.InvariantCulture, $"eth{number}");
        Connection connection = await Task.Run(() => new BridgeConnection(engine.Runtime).Connect(
            bridge, process, inside, Networks.ParseAddress(endpoint.Address), Networks.ParseHardware(endpoint.MacAddress), isWayOut: number == 0), cancellationToken);
        return new EndpointState(network.Name, inside, bridge.Describe(connection.Address), network.IsInternal ? "" : network.Gateway, connection.HardwareAddress);
    }

    private async Task DisconnectAsync(EndpointState endpoint, ImmutableArray<PortDefinition> ports, CancellationToken cancellationToken)
    {
        try
        {
            BridgeDefinition bridge = (await engine.Networks.GetAsync(endpoint.Network, cancellationToken)).ToBridge();
            await Task.Run(() => new BridgeConnection(engine.Runtime).Disconnect(bridge, AddressOf(endpoint), Published(ports)), cancellationToken);
        }
        catch (MicaException)
        {
            // The network is gone, or the machine's rules were changed by hand; the container ends all the same.
        }
    }

    private async Task<ImmutableArray<PortDefinition>> ReserveAsync(PortReservation reservation, CancellationToken cancellationToken)
    {
        ContainerDefinition definition = held.Container.Definition;
        IEnumerable<PortDefinition> wanted = !Networking.PublishesAll ? Networking.Ports
            : Networking.Ports.Concat(definition.ExposedPorts.Select(text => text.Split('/')).Select(parts => new PortDefinition(int.Parse(parts[0], CultureInfo.InvariantCulture), parts[1], "", 0))
                .Where(port => Networking.Ports.All(own => own.ContainerPort != port.ContainerPort || own.Protocol != port.Protocol)));
        ImmutableArray<PortDefinition>.Builder ports = ImmutableArray.CreateBuilder<PortDefinition>();
        ILookup<(int, string), Container>? others = null;
        foreach (PortDefinition port in wanted)
        {
            others ??= (await engine.Containers.ListRecordedAsync(cancellationToken)).Where(container => container.State.IsRunning && container.Id != held.Container.Id)
                .SelectMany(container => container.State.Ports, (container, taken) => (container, taken))
                .ToLookup(pair => (pair.taken.HostPort, pair.taken.Protocol), pair => pair.container);
            ports.Add(Reserve(reservation, port, others));
        }

        return ports.ToImmutable();
    }

    private static PortDefinition Reserve(PortReservation reservation, PortDefinition port, ILookup<(int, string), Container> others)
    {
        IPAddress? address = Networks.ParseAddress(port.HostAddress);
        MicaException? refusal = null;
        for (int number = port.HostPort; number <= (port.LastHostPort ?? port.HostPort); number++)
        {
            try
            {
                return port with { HostPort = reservation.Reserve(address, number, port.Protocol), LastHostPort = null };
            }
            catch (MicaException failure) when (failure.Kind == ErrorKind.Conflict)
            {
                string place = port.HostAddress.Length == 0 ? "0.0.0.0" : port.HostAddress;
                refusal = others.Contains((number, port.Protocol))
                    ? new MicaException(ErrorKind.Conflict, $"Bind for {place}:{number} failed: port is already allocated", failure) : failure;
            }
        }

        throw refusal!;
    }

    /// <summary>Where there can be no bridges a container has the machine's network, if that will do.</summary>
    private NetworkJoin WithoutBridges(string obstacle) =>
        Networking.Endpoints.Keys.Concat([Networking.Mode]).All(name => name == "bridge") && Networking.Ports.IsEmpty && !Networking.PublishesAll
            ? new NetworkJoin(NetworkMode.Host)
            : throw new MicaException(ErrorKind.Unsupported, $"{obstacle} (or --network host, none)");

    /// <summary>Tells the name service who is in the networks of <paramref name="endpoints"/> now.</summary>
    private async Task UpdateNamesAsync(ImmutableArray<EndpointState> endpoints, CancellationToken cancellationToken)
    {
        List<Network> networks = [];
        foreach (string name in endpoints.Select(endpoint => endpoint.Network).Distinct())
        {
            if (await engine.Networks.GetAsync(name, cancellationToken) is { HasNames: true } network)
            {
                networks.Add(network);
            }
        }

        if (networks.Count == 0)
        {
            return;
        }

        string directory = Path.Join(engine.Runtime.StateDirectory, "names");
        Directory.CreateDirectory(directory);
        using FileLock? order = await FileLock.AcquireAsync(
            directory + ".lock", FileLockMode.Exclusive, Timeout.InfiniteTimeSpan, engine.Options.Time, cancellationToken);
        ImmutableArray<Container> all = await engine.Containers.ListRecordedAsync(cancellationToken);
        NameService service = new(engine.Runtime, directory);
        BridgeConnection bridges = new(engine.Runtime);
        foreach (Network network in networks)
        {
            NameEntry[] entries = [.. all.Where(container => container.State.IsRunning).SelectMany(container => container.State.Endpoints
                .Where(endpoint => endpoint.Network == network.Name).Select(endpoint => new NameEntry(
                    container.Id, AddressOf(endpoint),
                    [container.Name, .. container.Definition.Networking.Endpoints.TryGetValue(network.Name, out EndpointDefinition? wanted) ? wanted.Aliases : [], container.ShortId],
                    container.Definition.Networking.Dns.Servers is { IsEmpty: false } given ? given : OwnServers)))];
            await Task.Run(() => entries.Length > 0 ? bridges.Within(() => service.Update(network.ToBridge(), entries)) : service.Update(network.ToBridge(), entries), cancellationToken);
        }
    }
}

/// <param name="Mode">The machine's network, or one of its own.</param>
internal sealed record NetworkJoin(NetworkMode Mode) : IDisposable
{
    /// <summary>Another's network, to join.</summary>
    public string? NamespacePath { get; init; }

    /// <summary>Whose hosts, hostname and resolv.conf it has; null: its own.</summary>
    public ContainerFiles? Etc { get; init; }

    /// <summary>The ports that nobody else gets from now on.</summary>
    public PortReservation? Reservation { get; init; }

    /// <summary>As they will be published.</summary>
    public ImmutableArray<PortDefinition> Ports { get; init; } = [];

    /// <summary>Who knows the names in its networks.</summary>
    public ImmutableArray<string> NameServers { get; init; } = [];

    public void Dispose() => Reservation?.Dispose();
}
