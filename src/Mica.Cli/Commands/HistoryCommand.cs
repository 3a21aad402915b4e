using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica history</c>.</summary>
internal sealed class HistoryCommand : EngineCommand
{
    private readonly Option<string?> _format;
    private readonly Option<bool> _full;
    private readonly Option<bool> _human;
    private readonly Option<bool> _layers;
    private readonly Option<string?> _platform;
    private readonly Option<bool> _quiet;

    public HistoryCommand()
        : base("[OPTIONS] IMAGE", "Show the history of an image", ArgumentCount.Exactly(1))
    {
        _format = Text("--format", null, "string", FormatHelp.OfListing, choices: ["table", "json"]);
        _full = Flag("--no-trunc", null, "Don't truncate output");
        _human = Flag("--human", "-H", "Print sizes and dates in human readable format", initially: true);
        _layers = Flag("--layers", null, "Show the layer of every step: digest, diffID, sizes, and which images share it");
        _platform = Text("--platform", null, "string", "Show history for the given platform: os[/arch[/variant]]", Completes.Platforms);
        _quiet = Flag("--quiet", "-q", "Only show image IDs");
    }

    public override Completes Completes => Completes.Images;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica history debian:trixie-slim", "what made it"),
        ("mica history --layers --no-trunc node:20", "digests and diffIDs in full"),
        ("mica history --format '{{.Size}}\\t{{.CreatedBy}}' node:20", "for scripts"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        string? format = invocation.Value(_format);
        bool human = invocation.Value(_human);
        bool layers = invocation.Value(_layers);
        ImageDetails details = await engine.Store.InspectAsync(invocation.Arguments[0], invocation.PlatformOf(_platform), cancellationToken);
        ImmutableArray<StoredImage> others = layers || format is not null ? await engine.Store.ListAsync(cancellationToken) : [];
        Dictionary<Digest, string> titles = others.ToDictionary(image => image.Root.Digest, ImageTitle.Of);
        Listing listing = HistoryListing.Of(human, layers);
        invocation.Output.Write(listing.Render(format, invocation.Value(_quiet), HistoryListing.Rows(
            listing, details.History, details.Manifest.Config.Digest, truncates: !invocation.Value(_full), human,
            root => titles.GetValueOrDefault(root, root.Short), invocation.Now)));
        return ExitCodes.Success;
    }
}
