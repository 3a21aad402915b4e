using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Filtering;
using Mica.Cli.Rendering;
using Mica.Engine;

namespace Mica.Cli.Commands;

/// <summary><c>mica builder prune</c>.</summary>
internal sealed class BuilderPruneCommand : EngineCommand
{
    private readonly Option<bool> _all;
    private readonly Option<string[]> _filters;
    private readonly Option<bool> _force;
    private readonly Option<string?> _keep;
    private readonly Option<string?> _free;
    private readonly Option<string?> _most;
    private readonly Option<string?> _reserved;

    public BuilderPruneCommand()
        : base("[OPTIONS]", "Remove build cache", ArgumentCount.None)
    {
        _all = Flag("--all", "-a", "Remove all build cache, not just what no image has");
        _filters = Texts("--filter", null, "filter", "Provide filter values: until=TIME", "until=");
        _force = Flag("--force", "-f", "Do not prompt for confirmation");
        _keep = Text("--keep-storage", null, "bytes", "Amount of disk space to keep for cache");
        _most = Text("--max-used-space", null, "bytes", "The same: maximum amount of disk space allowed to keep for cache");
        _free = Text("--min-free-space", null, "bytes", "Target amount of free disk space after pruning");
        _reserved = Text("--reserved-space", null, "bytes", "Amount of disk space always allowed to keep for cache");
    }

    public override bool StopsInGoodOrder => true;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForOwners;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica builder prune --filter until=240h", "what no build used for ten days"),
        ("mica builder prune -f --keep-storage 10g", "what was used least, until 10 GiB are left"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var given = FilterSet.Parse(invocation, invocation.Value(_filters) ?? [], "until");
        var options = new BuildCachePruneOptions
        {
            All = invocation.Value(_all),
            UnusedSince = given.One("until") is { } until ? FilterTime.Parse(until, invocation.Now) : null,
            KeepBytes = Size(invocation, _most, "--max-used-space") ?? Size(invocation, _keep, "--keep-storage"),
            MinFreeBytes = Size(invocation, _free, "--min-free-space"),
            ReservedBytes = Size(invocation, _reserved, "--reserved-space"),
        };
        string what = options.All ? "all build cache" : "all dangling build cache";
        if (!invocation.Value(_force) && !invocation.Confirm($"WARNING! This will remove {what}."))
        {
            return ExitCodes.Success;
        }

        BuildCachePruneReport report = await engine.Builds.Cache.PruneAsync(options, cancellationToken);
        invocation.Output.Write(RemovalText.OfBuildCache(report));
        invocation.Output.Write($"Total:\t{HumanSize.Long(report.FreedBytes)}\n");
        return ExitCodes.Success;
    }

    private static long? Size(Invocation invocation, Option<string?> option, string name) =>
        invocation.Value(option) is { } text ? ByteSize.Parse(text, name) : null;
}
