using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.Building;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Cli.Filtering;
using Mica.Cli.Rendering;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary><c>mica network create</c>.</summary>
internal sealed class NetworkCreateCommand : EngineCommand
{
    private readonly Option<string?> _driver;
    private readonly Option<string?> _gateway;
    private readonly Option<bool> _internal;
    private readonly Option<bool> _ipv6;
    private readonly Option<string[]> _labels;
    private readonly Option<string[]> _options;
    private readonly Option<string?> _range;
    private readonly Option<string?> _subnet;

    public NetworkCreateCommand()
        : base("[OPTIONS] NETWORK", "Create a network", ArgumentCount.Exactly(1))
    {
        _driver = Text("--driver", "-d", "string", "Driver to manage the Network (default \"bridge\")");
        _gateway = Text("--gateway", null, "string", "IPv4 Gateway for the subnet");
        _internal = Flag("--internal", null, "Restrict external access to the network");
        _range = Text("--ip-range", null, "string", "Allocate container ip from a sub-range");
        _ipv6 = Flag("--ipv6", null, "Enable IPv6 networking (not supported)");
        _labels = Texts("--label", null, "list", "Set metadata on a network");
        _options = Texts("--opt", "-o", "map", "Set driver specific options", "com.docker.network.driver.mtu=");
        _subnet = Text("--subnet", null, "string", "Subnet in CIDR format that represents a network segment");
    }

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica network create shop", "containers in it find each other by name"),
        ("mica network create --subnet 10.99.0.0/24 --internal backend", "without a way out"),
    ];

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Value(_ipv6))
        {
            throw new MicaException(ErrorKind.Unsupported, "--ipv6 is not supported: networks have IPv4 addresses only");
        }

        ImmutableSortedDictionary<string, string> options = ContainerFlag.Pairs(invocation.Value(_options) ?? [], "option");
        if (options.Keys.FirstOrDefault(key => key != "com.docker.network.driver.mtu") is { } unknown)
        {
            throw new MicaException(ErrorKind.Unsupported, $"network option {Printable.Of(unknown)} is not supported: there is com.docker.network.driver.mtu");
        }

        Network network = await engine.Networks.CreateAsync(new NetworkOptions(invocation.Arguments[0])
        {
            Driver = invocation.Value(_driver) ?? "bridge",
            Subnet = invocation.Value(_subnet),
            Gateway = invocation.Value(_gateway),
            Range = invocation.Value(_range),
            IsInternal = invocation.Value(_internal),
            Labels = BuildFlag.Labels(invocation.Value(_labels) ?? []),
            Options = options,
        }, cancellationToken);
        invocation.Output.Write(network.Id + "\n");
        return ExitCodes.Success;
    }
}

/// <summary><c>mica network ls</c>.</summary>
internal sealed class NetworkListCommand : EngineCommand
{
    private static readonly Listing s_listing = new("network",
    [
        new("CreatedAt", "CREATED AT"), new("Driver", "DRIVER"), new("ID", "NETWORK ID"), new("IPv6", "IPV6"), new("Internal", "INTERNAL"),
        new("Labels", "LABELS"), new("Name", "NAME"), new("Scope", "SCOPE"),
    ])
    {
        Table = "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
        Raw = "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n",
        RawQuiet = "network_id: {{.ID}}",
    };

    private readonly Option<string[]> _filters;
    private readonly Option<string?> _format;
    private readonly Option<bool> _full;
    private readonly Option<bool> _quiet;

    public NetworkListCommand()
        : base("[OPTIONS]", "List networks", ArgumentCount.None)
    {
        _filters = Texts("--filter", "-f", "filter", "Provide filter values: driver=, id=, label=, name=, type=", "driver=", "id=", "label=", "name=", "type=");
        _format = Text("--format", null, "string", FormatHelp.OfListing, choices: ["table", "json", "raw"]);
        _full = Flag("--no-trunc", null, "Do not truncate the output");
        _quiet = Flag("--quiet", "-q", "Only display network IDs");
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var filters = FilterSet.Parse(invocation, invocation.Value(_filters) ?? [], "driver", "id", "label", "name", "type");
        IEnumerable<Network> networks = (await engine.Networks.ListAsync(cancellationToken)).Where(network =>
            filters.All("driver").All(driver => driver == network.Driver)
            && filters.All("id").All(id => network.Id.StartsWith(id, StringComparison.Ordinal))
            && filters.All("name").All(name => network.Name.Contains(name, StringComparison.Ordinal))
            && filters.All("type").All(type => type == (network.IsPredefined ? "builtin" : "custom"))
            && filters.All("label").All(label => VolumeText.HasLabel(network.Labels, label)));
        bool full = invocation.Value(_full);
        invocation.Output.Write(s_listing.Render(invocation.Value(_format), invocation.Value(_quiet), networks.Select(network => s_listing.Row(
            HumanTime.Plain(network.Created), network.Driver, full ? network.Id : network.Id[..12], "false", network.IsInternal ? "true" : "false",
            VolumeText.Labels(network.Labels), network.Name, "local"))));
        return ExitCodes.Success;
    }
}

/// <summary><c>mica network rm</c>.</summary>
internal sealed class NetworkRemoveCommand() : ObjectRemoveCommand(
    "NETWORK [NETWORK...]", "Remove one or more networks", "Do not error if the network does not exist", Completes.Networks)
{
    protected override Task RemoveAsync(Engine.Engine engine, string name, CancellationToken cancellationToken) => engine.Networks.RemoveAsync(name, cancellationToken);
}

/// <summary><c>mica network connect</c>.</summary>
internal sealed class NetworkConnectCommand : EngineCommand
{
    private readonly Option<string?> _address;
    private readonly Option<string[]> _aliases;

    public NetworkConnectCommand()
        : base("[OPTIONS] NETWORK CONTAINER", "Connect a container to a network", ArgumentCount.Exactly(2))
    {
        _aliases = Texts("--alias", null, "strings", "Add network-scoped alias for the container");
        _address = Text("--ip", null, "string", "IPv4 address (e.g., \"172.30.100.104\")");
    }

    public override Completes Completes => Completes.Networks;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        await engine.Networks.ConnectAsync(invocation.Arguments[0], invocation.Arguments[1], new EndpointDefinition
        {
            Aliases = [.. invocation.Value(_aliases) ?? []],
            Address = invocation.Value(_address),
        }, cancellationToken);
        return ExitCodes.Success;
    }
}

/// <summary><c>mica network disconnect</c>.</summary>
internal sealed class NetworkDisconnectCommand() : EngineCommand("NETWORK CONTAINER", "Disconnect a container from a network", ArgumentCount.Exactly(2))
{
    public override Completes Completes => Completes.Networks;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        await engine.Networks.DisconnectAsync(invocation.Arguments[0], invocation.Arguments[1], cancellationToken);
        return ExitCodes.Success;
    }
}

/// <summary><c>mica network prune</c>.</summary>
internal sealed class NetworkPruneCommand : EngineCommand
{
    private readonly Option<string[]> _filters;
    private readonly Option<bool> _force;

    public NetworkPruneCommand()
        : base("[OPTIONS]", "Remove all unused networks", ArgumentCount.None)
    {
        _filters = Texts("--filter", null, "filter", "Provide filter values: until=, label=", "until=", "label=");
        _force = Flag("--force", "-f", "Do not prompt for confirmation");
    }

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var filters = FilterSet.Parse(invocation, invocation.Value(_filters) ?? [], "until", "label");
        DateTimeOffset? until = filters.One("until") is { } text ? FilterTime.Parse(text, invocation.Now) : null;
        if (!invocation.Value(_force) && !invocation.Confirm("WARNING! This will remove all custom networks not used by at least one container."))
        {
            return ExitCodes.Success;
        }

        ImmutableArray<string> removed = await engine.Networks.PruneAsync(
            network => (until is null || network.Created < until) && filters.All("label").All(label => VolumeText.HasLabel(network.Labels, label)), cancellationToken);
        invocation.Output.Write(PruneText.Of("Deleted Networks:", removed, null));
        return ExitCodes.Success;
    }
}
