using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica tag log</c>.</summary>
internal sealed class TagLogCommand : EngineCommand
{
    private readonly Option<string?> _format;
    private readonly Option<bool> _full;

    public TagLogCommand()
        : base("[OPTIONS] [NAME[:TAG]]", "Show which images a name stood for, newest first", ArgumentCount.AtMost(1))
    {
        _format = Text("--format", null, "string", FormatHelp.OfListing, choices: ["table", "json"]);
        _full = Flag("--no-trunc", null, "Don't truncate output");
    }

    public override Completes Completes => Completes.Images;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        ImageReference? name = invocation.Arguments is [var text] ? ImageReference.Parse(text) : null;
        invocation.Output.Write(JournalListing.Kind.Render(invocation.Value(_format), quiet: false, JournalListing.Rows(
            await engine.Store.JournalAsync(name, cancellationToken), truncates: !invocation.Value(_full), invocation.Now)));
        return ExitCodes.Success;
    }
}
