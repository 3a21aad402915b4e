using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Filtering;
using Mica.Cli.Rendering;
using Mica.Engine;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica image prune</c>, and <c>mica system prune</c>, which prunes the build cache besides.</summary>
internal sealed class PruneCommand : EngineCommand
{
    private readonly bool _isSystem;
    private readonly Option<bool> _all;
    private readonly Option<string[]> _filters;
    private readonly Option<bool> _force;

    public PruneCommand(bool isSystem)
        : base("[OPTIONS]", isSystem ? "Remove unused data" : "Remove unused images", ArgumentCount.None)
    {
        _isSystem = isSystem;
        _all = Flag("--all", "-a", "Remove all unused images, not just dangling ones");
        _filters = Texts("--filter", null, "filter", "Provide filter values: until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]",
            "until=", "label=", "label!=");
        _force = Flag("--force", "-f", "Do not prompt for confirmation");
    }

    public override bool StopsInGoodOrder => true;

    public override string Remarks =>
        "An image that a name moved on from stays for 14 days, so that 'mica tag undo' can bring it\n"
        + "back; with --all it goes too. What interrupted pulls left behind always goes.";

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForOwners;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ($"mica {(_isSystem ? "system" : "image")} prune", "what nothing stands for any more"),
        ($"mica {(_isSystem ? "system" : "image")} prune -a --filter until=240h", "all unused images made more than ten days ago"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var given = FilterSet.Parse(invocation, invocation.Value(_filters) ?? [], "until", "label", "label!");
        bool all = invocation.Value(_all);
        if (!invocation.Value(_force) && !invocation.Confirm(Warning(all)))
        {
            return ExitCodes.Success;
        }

        DateTimeOffset? until = given.One("until") is { } text ? FilterTime.Parse(text, invocation.Now) : null;
        RemovalReport report = await engine.Store.PruneAsync(new ImagePruneOptions
        {
            All = all,
            Until = until,
            Labels = [.. given.All("label")],
            ExcludedLabels = [.. given.All("label!")],
        }, cancellationToken);
        BuildCachePruneReport? cache = !_isSystem ? null
            : await engine.Builds.Cache.PruneAsync(new BuildCachePruneOptions { All = all, UnusedSince = until }, cancellationToken);
        invocation.Output.Write(RemovalText.OfPrune(report, cache));
        return ExitCodes.Success;
    }

    private string Warning(bool all)
    {
        string images = all ? "all images without at least one container associated to them" : "all dangling images";
        return _isSystem
            ? $"WARNING! This will remove:\n  - {images}\n  - {(all ? "all build cache" : "unused build cache")}\n  - what interrupted pulls left behind\n"
            : $"WARNING! This will remove {images}.";
    }
}
