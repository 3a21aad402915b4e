using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Cli.Rendering;
using Mica.Cli.Templates;
using Mica.Engine;

namespace Mica.Cli.Containers;

/// <summary><c>mica stats</c>.</summary>
internal sealed class StatsCommand : EngineCommand
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    private static readonly Listing s_listing = new("container",
    [
        new("BlockIO", "BLOCK I/O"), new("CPUPerc", "CPU %"), new("Container", "CONTAINER"), new("ID", "CONTAINER ID"), new("MemPerc", "MEM %"),
        new("MemUsage", "MEM USAGE / LIMIT"), new("Name", "NAME"), new("NetIO", "NET I/O"), new("PIDs", "PIDS"),
    ])
    {
        Table = "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
    };

    private readonly Option<bool> _all;
    private readonly Option<string?> _format;
    private readonly Option<bool> _full;
    private readonly Option<bool> _noStream;

    public StatsCommand()
        : base("[OPTIONS] [CONTAINER...]", "Display a live stream of container(s) resource usage statistics", ArgumentCount.Any)
    {
        _all = Flag("--all", "-a", "Show all containers (default shows just running)");
        _format = Text("--format", null, "string", FormatHelp.OfListing, choices: ["table", "json"]);
        _noStream = Flag("--no-stream", null, "Disable streaming stats and only pull the first result");
        _full = Flag("--no-trunc", null, "Do not truncate output");
    }

    public override Completes Completes => Completes.Containers;

    public override bool StopsInGoodOrder => true;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        Dictionary<string, ContainerUsage> before = await SampleAsync(engine, invocation, cancellationToken);
        while (true)
        {
            await Task.Delay(s_interval, invocation.Host.Time, cancellationToken);
            Dictionary<string, ContainerUsage> now = await SampleAsync(engine, invocation, cancellationToken);
            string text = s_listing.Render(invocation.Value(_format), quiet: false, now.Values.Select(usage => Row(usage, before.GetValueOrDefault(usage.Container.Id), !invocation.Value(_full))));
            bool once = invocation.Value(_noStream);

            // Home and clear, as docker does it on a terminal.
            invocation.Output.Write(!once && invocation.Host.IsOutputTerminal ? "\x1b[H\x1b[J" + text : text);
            invocation.Output.Flush();
            if (once)
            {
                return ExitCodes.Success;
            }

            before = now;
        }
    }

    private static RowValue Row(ContainerUsage usage, ContainerUsage? before, bool truncates)
    {
        double percent = before is null || usage.At <= before.At ? 0 : 100 * (usage.Cpu - before.Cpu) / (usage.At - before.At);
        return s_listing.Row(
            $"{HumanSize.Short(usage.ReadBytes)} / {HumanSize.Short(usage.WrittenBytes)}",
            string.Create(CultureInfo.InvariantCulture, $"{percent:0.00}%"),
            usage.Container.Name,
            truncates ? usage.Container.ShortId : usage.Container.Id,
            string.Create(CultureInfo.InvariantCulture, $"{(usage.MemoryLimit > 0 ? 100.0 * usage.Memory / usage.MemoryLimit : 0):0.00}%"),
            $"{HumanSize.Binary(usage.Memory)} / {HumanSize.Binary(usage.MemoryLimit)}",
            usage.Container.Name,
            $"{HumanSize.Short(usage.ReceivedBytes)} / {HumanSize.Short(usage.SentBytes)}",
            usage.Processes.ToString(CultureInfo.InvariantCulture));
    }

    private async Task<Dictionary<string, ContainerUsage>> SampleAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        ImmutableArray<Container> containers = await engine.Containers.ListAsync(cancellationToken);
        List<Container> wanted = [];
        foreach (string name in invocation.Arguments)
        {
            wanted.Add(await engine.Containers.GetAsync(name, cancellationToken));
        }

        return (wanted.Count > 0 ? wanted : [.. containers.Where(container => invocation.Value(_all) || container.State.IsRunning)])
            .ToDictionary(container => container.Id, Engine.Containers.UsageOf);
    }
}
