using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica system df</c>.</summary>
internal sealed class DiskUsageCommand : EngineCommand
{
    private readonly Option<string?> _format;
    private readonly Option<bool> _verbose;

    public DiskUsageCommand()
        : base("[OPTIONS]", "Show disk usage", ArgumentCount.None)
    {
        _format = Text("--format", null, "string", FormatHelp.OfListing, choices: ["table", "json"]);
        _verbose = Flag("--verbose", "-v", "Show detailed information on space usage, and who shares what with whom");
    }

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        DiskUsage usage = await engine.Store.DiskUsageAsync(cancellationToken);
        ImmutableArray<BuildRecord> cache = await engine.Builds.Cache.ListAsync(cancellationToken);
        ObjectUsage objects = await ObjectUsage.ReadAsync(engine, cancellationToken);
        string? format = invocation.Value(_format);
        invocation.Output.Write(!invocation.Value(_verbose) ? DiskUsageListing.RenderSummary(usage, objects, cache, format)
            : format is null or "" or "table" ? DiskUsageListing.RenderVerbose(usage, objects, cache, invocation.Now)
            : DiskUsageListing.RenderVerbose(usage, objects, cache, invocation.Now, format));
        return ExitCodes.Success;
    }
}
