using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica system df</c>.</summary>
internal sealed class DiskUsageCommand : EngineCommand
{
    private readonly Option<bool> _verbose;
    private readonly Option<string?> _format;

    public DiskUsageCommand()
        : base("[OPTIONS]", "Show what images take", ArgumentCount.None)
    {
        _verbose = Flag("--verbose", "-v", "Show every image");
        _format = Text("--format", null, "string", "Format output: 'table', 'json' or a Go template");
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        DiskUsage usage = await engine.Store.DiskUsageAsync(cancellationToken);
        string? format = invocation.Value(_format);
        invocation.Output.Write(!invocation.Value(_verbose) ? DiskUsageListing.RenderSummary(usage, format)
            : format is null ? DiskUsageListing.RenderVerbose(usage, invocation.Now)
            : DiskUsageListing.RenderVerbose(usage, invocation.Now, format));
        return ExitCodes.Success;
    }
}
