using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Filtering;
using Mica.Cli.Rendering;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica builder du</c>.</summary>
internal sealed class BuilderUsageCommand : EngineCommand
{
    private readonly Option<string[]> _filters;
    private readonly Option<string?> _format;
    private readonly Option<bool> _full;

    public BuilderUsageCommand()
        : base("[OPTIONS]", "Disk usage of the build cache", ArgumentCount.None)
    {
        _filters = Texts("--filter", null, "filter", "Provide filter values: until=TIME", "until=");
        _format = Text("--format", null, "string", FormatHelp.OfListing, choices: ["table", "json"]);
        _full = Flag("--no-trunc", null, "Don't truncate output");
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var given = FilterSet.Parse(invocation, invocation.Value(_filters) ?? [], "until");
        DateTimeOffset? until = given.One("until") is { } text ? FilterTime.Parse(text, invocation.Now) : null;
        ImmutableArray<BuildRecord> records = [.. (await engine.Builds.Cache.ListAsync(cancellationToken)).Where(record => until is null || record.Used < until)];
        string? format = invocation.Value(_format);
        invocation.Output.Write(BuildCacheTable.Usage.Render(
            format, quiet: false, BuildCacheTable.UsageRows(records, truncates: !invocation.Value(_full), invocation.Now)));
        if (format is null or "" or "table")
        {
            long shared = records.Where(BuildCacheTable.IsShared).Sum(record => record.Layer!.Size);
            long own = records.Sum(record => record.OwnBytes);
            invocation.Output.Write($"\nShared:\t\t{HumanSize.Long(shared)}\nPrivate:\t{HumanSize.Long(own)}\nReclaimable:\t{HumanSize.Long(own)}\nTotal:\t\t{HumanSize.Long(shared + own)}\n");
        }

        return ExitCodes.Success;
    }
}
