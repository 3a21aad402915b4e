using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Cli.Rendering;
using Mica.Cli.Templates;
using Mica.Engine;

namespace Mica.Cli.Containers;

/// <summary><c>mica ps</c>, <c>mica container ls</c>.</summary>
internal sealed class PsCommand : EngineCommand
{
    private readonly Option<bool> _all;
    private readonly Option<string[]> _filters;
    private readonly Option<string?> _format;
    private readonly Option<bool> _full;
    private readonly Option<string?> _last;
    private readonly Option<bool> _latest;
    private readonly Option<bool> _quiet;
    private readonly Option<bool> _size;

    public PsCommand()
        : base("[OPTIONS]", "List containers", ArgumentCount.None)
    {
        _all = Flag("--all", "-a", "Show all containers (default shows just running)");
        _filters = Texts("--filter", "-f", "filter", "Filter output based on conditions provided: ancestor=, before=, exited=, expose=, health=, id=, label=, name=, network=, publish=, since=, status=, volume=",
            ContainerFilter.Keys.Select(key => key + "=").ToArray());
        _format = Text("--format", null, "string", FormatHelp.OfListing, choices: ["table", "json", "raw"]);
        _last = Text("--last", "-n", "int", "Show n last created containers (includes all states) (default -1)");
        _latest = Flag("--latest", "-l", "Show the latest created container (includes all states)");
        _full = Flag("--no-trunc", null, "Don't truncate output");
        _quiet = Flag("--quiet", "-q", "Only display container IDs");
        _size = Flag("--size", "-s", "Display total file sizes");
    }

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica ps -a", "also those that have ended"),
        ("mica ps -q -f label=app=web", "IDs for scripts"),
        ("mica ps --format '{{.Names}} {{.Status}}'", "some columns"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        ImmutableArray<Container> all = await engine.Containers.ListAsync(cancellationToken);
        var filter = ContainerFilter.Parse(invocation, invocation.Value(_filters) ?? [], all);
        long? last = invocation.Value(_latest) ? 1 : LimitFlags.Number(invocation.Value(_last), "--last") is > 0 and var count ? count : null;
        bool showsAll = invocation.Value(_all) || last is not null || filter.WantsAll;
        Container[] shown = [.. all.Where(container => (showsAll || container.State.IsRunning || container.State.Status == ContainerStatus.Restarting) && filter.Matches(container))
            .Take((int)(last ?? int.MaxValue))];
        string? format = invocation.Value(_format);
        bool size = invocation.Value(_size) || (format is not null && format.Contains(".Size", StringComparison.Ordinal));
        Listing listing = ContainerTable.Of(size);
        var rows = new List<RowValue>();
        foreach (Container container in shown)
        {
            string text = size ? ContainerTable.Size(await engine.Containers.SizeAsync(container, cancellationToken)) : "0B";
            rows.Add(ContainerTable.Row(listing, container, text, !invocation.Value(_full), invocation.Now));
        }

        invocation.Output.Write(listing.Render(format, invocation.Value(_quiet), rows));
        return ExitCodes.Success;
    }
}
