using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica history</c>.</summary>
internal sealed class HistoryCommand : EngineCommand
{
    private readonly Option<bool> _full;
    private readonly Option<bool> _quiet;
    private readonly Option<bool> _human;
    private readonly Option<bool> _layers;
    private readonly Option<string?> _format;
    private readonly Option<string?> _platform;

    public HistoryCommand()
        : base("[OPTIONS] IMAGE", "Show how an image was made", ArgumentCount.Exactly(1))
    {
        _full = Flag("--no-trunc", null, "Do not truncate output");
        _quiet = Flag("--quiet", "-q", "Only show image IDs");
        _human = Flag("--human", "-H", "Print sizes and dates in human readable format", initially: true);
        _layers = Flag("--layers", null, "Show the layer of every step, and who shares it");
        _format = Text("--format", null, "string", "Format output: 'table', 'table TEMPLATE', 'json' or a Go template");
        _platform = Text("--platform", null, "string", "Show the variant for this platform");
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        ImageDetails details = await engine.Store.InspectAsync(invocation.Arguments[0], invocation.PlatformOf(_platform), cancellationToken);
        Dictionary<Digest, string> names = (await engine.Store.ListAsync(cancellationToken)).ToDictionary(
            image => image.Root.Digest, image => image.IsDangling ? image.Id.Short : image.Names[0].Reference.Familiar);
        bool human = invocation.Value(_human);
        Listing listing = HistoryListing.Of(human, invocation.Value(_layers));
        invocation.Output.Write(listing.Render(invocation.Value(_format), invocation.Value(_quiet), HistoryListing.Rows(
            listing, details.History, details.Variant.Id ?? details.Image.Id, truncates: !invocation.Value(_full), human,
            root => names.GetValueOrDefault(root, root.Short), invocation.Now)));
        return ExitCodes.Success;
    }
}
