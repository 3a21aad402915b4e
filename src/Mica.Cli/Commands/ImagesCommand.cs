using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica images</c>.</summary>
internal sealed class ImagesCommand : EngineCommand
{
    private readonly Option<bool> _all;
    private readonly Option<bool> _digests;
    private readonly Option<bool> _full;
    private readonly Option<bool> _quiet;
    private readonly Option<string?> _format;

    public ImagesCommand()
        : base("[OPTIONS]", "List images", ArgumentCount.None)
    {
        _all = Flag("--all", "-a", "Show the images without a name too");
        _digests = Flag("--digests", null, "Show digests");
        _full = Flag("--no-trunc", null, "Do not truncate output");
        _quiet = Flag("--quiet", "-q", "Only show image IDs");
        _format = Text("--format", null, "string", "Format output: 'table', 'table TEMPLATE', 'json' or a Go template");
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        Listing listing = ImageTable.Of(invocation.Value(_digests));
        IEnumerable<StoredImage> images = (await engine.Store.ListAsync(cancellationToken))
            .Where(image => invocation.Value(_all) || !image.IsDangling);
        invocation.Output.Write(listing.Render(invocation.Value(_format), invocation.Value(_quiet),
            ImageTable.Rows(listing, images, truncates: !invocation.Value(_full), invocation.Now)));
        return ExitCodes.Success;
    }
}
