using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.Building;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Cli.Filtering;
using Mica.Cli.Rendering;
using Mica.Cli.Templates;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary><c>mica volume create</c>.</summary>
internal sealed class VolumeCreateCommand : EngineCommand
{
    private readonly Option<string?> _driver;
    private readonly Option<string[]> _labels;
    private readonly Option<string[]> _options;

    public VolumeCreateCommand()
        : base("[OPTIONS] [VOLUME]", "Create a volume", ArgumentCount.AtMost(1))
    {
        _driver = Text("--driver", "-d", "string", "Specify volume driver name (default \"local\")");
        _labels = Texts("--label", null, "list", "Set metadata for a volume");
        _options = Texts("--opt", "-o", "map", "Set driver specific options");
    }

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Value(_driver) is { } driver and not "local")
        {
            throw new MicaException(ErrorKind.Unsupported, $"volume driver {Printable.Of(driver)} is not supported: there is local");
        }

        Volume volume = await engine.Volumes.CreateAsync(
            invocation.Arguments.FirstOrDefault(), BuildFlag.Labels(invocation.Value(_labels) ?? []),
            ContainerFlag.Pairs(invocation.Value(_options) ?? [], "option"), cancellationToken);
        invocation.Output.Write(volume.Name + "\n");
        return ExitCodes.Success;
    }
}

/// <summary><c>mica volume ls</c>.</summary>
internal sealed class VolumeListCommand : EngineCommand
{
    private static readonly Listing s_listing = new("volume",
    [
        new("Driver", "DRIVER"), new("Labels", "LABELS"), new("Links", "LINKS"), new("Mountpoint", "MOUNTPOINT"), new("Name", "VOLUME NAME"),
        new("Scope", "SCOPE"), new("Size", "SIZE"),
    ])
    {
        Table = "{{.Driver}}\t{{.Name}}",
        Quiet = "{{.Name}}",
        Raw = "name: {{.Name}}\ndriver: {{.Driver}}\n",
        RawQuiet = "name: {{.Name}}",
    };

    private readonly Option<string[]> _filters;
    private readonly Option<string?> _format;
    private readonly Option<bool> _quiet;

    public VolumeListCommand()
        : base("[OPTIONS]", "List volumes", ArgumentCount.None)
    {
        _filters = Texts("--filter", "-f", "filter", "Provide filter values: dangling=true|false, driver=, label=, name=", "dangling=", "driver=", "label=", "name=");
        _format = Text("--format", null, "string", FormatHelp.OfListing, choices: ["table", "json", "raw"]);
        _quiet = Flag("--quiet", "-q", "Only display volume names");
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var filters = FilterSet.Parse(invocation, invocation.Value(_filters) ?? [], "dangling", "driver", "label", "name");
        ILookup<string, Container> users = await engine.Volumes.UsersAsync(cancellationToken);
        IEnumerable<Volume> volumes = (await engine.Volumes.ListAsync(cancellationToken)).Where(volume =>
            (filters.Truth("dangling") is not { } dangling || dangling != users.Contains(volume.Name))
            && filters.All("driver").All(driver => driver == "local")
            && filters.All("name").All(name => volume.Name.Contains(name, StringComparison.Ordinal))
            && filters.All("label").All(label => VolumeText.HasLabel(volume.Labels, label)));
        bool wantsSize = invocation.Value(_format)?.Contains(".Size", StringComparison.Ordinal) == true;
        List<RowValue> rows = [];
        foreach (Volume volume in volumes)
        {
            rows.Add(s_listing.Row(
                "local", VolumeText.Labels(volume.Labels), users[volume.Name].Count().ToString(null, null), volume.Directory, volume.Name, "local",
                wantsSize ? HumanSize.Short(engine.Volumes.SizeOf(volume)) : "N/A"));
        }

        invocation.Output.Write(s_listing.Render(invocation.Value(_format), invocation.Value(_quiet), rows));
        return ExitCodes.Success;
    }
}

/// <summary><c>mica volume rm</c>.</summary>
internal sealed class VolumeRemoveCommand() : ObjectRemoveCommand(
    "[OPTIONS] VOLUME [VOLUME...]", "Remove one or more volumes", "Do not fail for volumes that are not there", Completes.Volumes)
{
    protected override Task RemoveAsync(Engine.Engine engine, string name, CancellationToken cancellationToken) => engine.Volumes.RemoveAsync(name, cancellationToken);
}

/// <summary><c>mica volume prune</c>.</summary>
internal sealed class VolumePruneCommand : EngineCommand
{
    private readonly Option<bool> _all;
    private readonly Option<string[]> _filters;
    private readonly Option<bool> _force;

    public VolumePruneCommand()
        : base("[OPTIONS]", "Remove unused local volumes", ArgumentCount.None)
    {
        _all = Flag("--all", "-a", "Remove all unused volumes, not just anonymous ones");
        _filters = Texts("--filter", null, "filter", "Provide filter values (e.g. \"label=<label>\")", "label=");
        _force = Flag("--force", "-f", "Do not prompt for confirmation");
    }

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        bool all = invocation.Value(_all);
        var filters = FilterSet.Parse(invocation, invocation.Value(_filters) ?? [], "label");
        if (!invocation.Value(_force) && !invocation.Confirm($"WARNING! This will remove {(all ? "all" : "anonymous")} local volumes not used by at least one container."))
        {
            return ExitCodes.Success;
        }

        (ImmutableArray<string> removed, long bytes) = await engine.Volumes.PruneAsync(
            all, volume => filters.All("label").All(label => VolumeText.HasLabel(volume.Labels, label)), cancellationToken);
        invocation.Output.Write(PruneText.Of("Deleted Volumes:", removed, bytes));
        return ExitCodes.Success;
    }
}

/// <summary>What volumes and networks have in common.</summary>
internal static class VolumeText
{
    public static string Labels(ImmutableSortedDictionary<string, string> labels) => string.Join(',', labels.Select(label => $"{label.Key}={label.Value}"));

    public static bool HasLabel(ImmutableSortedDictionary<string, string> labels, string wanted)
    {
        (string key, string? value) = BuildFlag.Pair(wanted);
        return labels.TryGetValue(key, out string? found) && (value is null || value == found);
    }
}

/// <summary>What pruning says.</summary>
internal static class PruneText
{
    public static string Of(string heading, ImmutableArray<string> removed, long? bytes) =>
        (removed.IsEmpty ? "" : $"{heading}\n{string.Concat(removed.Select(name => name + "\n"))}\n")
        + (bytes is { } freed ? $"Total reclaimed space: {HumanSize.Short(freed)}\n" : "");
}

/// <summary><c>mica container prune</c>.</summary>
internal sealed class ContainerPruneCommand : EngineCommand
{
    private readonly Option<string[]> _filters;
    private readonly Option<bool> _force;

    public ContainerPruneCommand()
        : base("[OPTIONS]", "Remove all stopped containers", ArgumentCount.None)
    {
        _filters = Texts("--filter", null, "filter", "Provide filter values (e.g. \"until=<timestamp>\"): until=, label=", "until=", "label=");
        _force = Flag("--force", "-f", "Do not prompt for confirmation");
    }

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var filters = FilterSet.Parse(invocation, invocation.Value(_filters) ?? [], "until", "label");
        DateTimeOffset? until = filters.One("until") is { } text ? FilterTime.Parse(text, invocation.Now) : null;
        if (!invocation.Value(_force) && !invocation.Confirm("WARNING! This will remove all stopped containers."))
        {
            return ExitCodes.Success;
        }

        (ImmutableArray<string> removed, long bytes) = await engine.Containers.PruneAsync(
            container => (until is null || container.Created < until) && filters.All("label").All(label => ContainerFilter.HasLabel(container, label)), cancellationToken);
        invocation.Output.Write(PruneText.Of("Deleted Containers:", removed, bytes));
        return ExitCodes.Success;
    }
}
