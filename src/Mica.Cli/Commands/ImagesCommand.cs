using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Filtering;
using Mica.Cli.Rendering;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica images</c>, <c>mica image ls</c>.</summary>
internal sealed class ImagesCommand : EngineCommand
{
    private readonly Option<bool> _all;
    private readonly Option<bool> _digests;
    private readonly Option<string[]> _filters;
    private readonly Option<string?> _format;
    private readonly Option<bool> _full;
    private readonly Option<bool> _quiet;
    private readonly Option<bool> _tree;

    public ImagesCommand()
        : base("[OPTIONS] [REPOSITORY[:TAG]]", "List images", ArgumentCount.AtMost(1))
    {
        _all = Flag("--all", "-a", "Show all images (default hides those that no name stands for)");
        _digests = Flag("--digests", null, "Show digests");
        _filters = Texts("--filter", "-f", "filter", "Filter output: dangling=true|false, label=KEY[=VALUE], before=IMAGE, since=IMAGE, reference=PATTERN, until=TIME",
            "dangling=", "label=", "before=", "since=", "reference=", "until=");
        _format = Text("--format", null, "string", FormatHelp.OfListing, choices: ["table", "json", "raw"]);
        _full = Flag("--no-trunc", null, "Don't truncate output");
        _quiet = Flag("--quiet", "-q", "Only show image IDs");
        _tree = Flag("--tree", null, "List multi-platform images as a tree");
    }

    public override Completes Completes => Completes.Images;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica images --digests debian", "the tags of one repository"),
        ("mica images -q -f dangling=true", "IDs of what no name stands for"),
        ("mica images --format '{{.Repository}}:{{.Tag}} {{.Size}}'", "for scripts"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        ImageFilter filter = await FilterAsync(engine, invocation, cancellationToken);
        RefuseWithTree(invocation);
        StoredImage[] images = [.. filter.Apply(await engine.Store.ListAsync(cancellationToken))];
        if (invocation.Value(_tree))
        {
            invocation.Output.Write(new ImageTree(invocation.Host.UsesColor).Render(images));
            return ExitCodes.Success;
        }

        Listing listing = ImageTable.Of(invocation.Value(_digests));
        invocation.Output.Write(listing.Render(invocation.Value(_format), invocation.Value(_quiet),
            ImageTable.Rows(listing, images, truncates: !invocation.Value(_full), invocation.Now)));
        if (images.Length == 0 && invocation.Arguments is ["ls" or "list" or "pull" or "push" or "rm" or "prune" or "inspect"])
        {
            invocation.Host.Error.Write($"No images found matching \"{invocation.Arguments[0]}\": did you mean \"mica image {invocation.Arguments[0]}\"?\n");
        }

        return ExitCodes.Success;
    }

    private async Task<ImageFilter> FilterAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var given = FilterSet.Parse(invocation, invocation.Value(_filters) ?? [], "dangling", "label", "before", "since", "reference", "until");
        DateTimeOffset? until = given.One("until") is { } text ? FilterTime.Parse(text, invocation.Now) : null;
        DateTimeOffset? before = await CreatedAsync(engine, given.One("before"), cancellationToken);
        return new ImageFilter
        {
            All = invocation.Value(_all),
            Dangling = given.Truth("dangling"),
            Labels = [.. given.All("label")],
            References = [.. invocation.Arguments, .. given.All("reference")],
            Before = before is null || until < before ? until ?? before : before,
            Since = await CreatedAsync(engine, given.One("since"), cancellationToken),
        };
    }

    private static async Task<DateTimeOffset?> CreatedAsync(Engine.Engine engine, string? image, CancellationToken cancellationToken) =>
        image is null ? null : (await engine.Store.InspectAsync(image, null, cancellationToken)).Variant.Created;

    private void RefuseWithTree(Invocation invocation)
    {
        Option? other = new Option[] { _quiet, _full, _digests, _format }.FirstOrDefault(invocation.IsGiven);
        if (invocation.Value(_tree) && other is not null)
        {
            throw invocation.Misuse($"{other.Name} is not yet supported with --tree");
        }
    }
}
