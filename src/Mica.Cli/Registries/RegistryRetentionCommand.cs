using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Cli.Rendering;
using Mica.RegistryServer;
using Mica.RegistryServer.Collection;

namespace Mica.Cli.Registries;

/// <summary><c>mica registry retention</c>.</summary>
internal sealed class RegistryRetentionCommand : RegistryDataCommand
{
    private static readonly Listing s_listing = new("tag",
    [
        new("Decision", "DECISION"), new("Digest", "DIGEST"), new("Reason", "REASON"), new("Repository", "REPOSITORY"), new("Tag", "TAG"),
    ])
    {
        Table = "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.Decision}}\t{{.Reason}}",
    };

    private readonly Option<string?> _format;
    private readonly Option<bool> _run;

    public RegistryRetentionCommand()
        : base("[OPTIONS]", "Show which tags the retention rules keep, and why", ArgumentCount.None)
    {
        _format = Text("--format", null, "string", FormatHelp.OfListing, choices: ["table", "json"]);
        _run = Flag("--run", null, "Remove what the rules do not keep, as the server does every hour");
    }

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica registry retention --config registry.yaml", "a dry run: what would go, and what stays for which reason"),
    ];

    protected override async Task<int> RunAsync(RegistryData data, Invocation invocation, CancellationToken cancellationToken)
    {
        var rows = new List<Templates.RowValue>();
        bool isTrial = !invocation.Value(_run);
        await foreach (RetentionDecision decision in data.RetainAsync(isTrial, cancellationToken))
        {
            rows.Add(s_listing.Row(
                decision.IsKept ? "keep" : isTrial ? "remove" : "removed", decision.Digest.Short, decision.Reason, decision.Repository, decision.Tag));
        }

        invocation.Output.Write(s_listing.Render(invocation.Value(_format), quiet: false, rows));
        return ExitCodes.Success;
    }
}
