using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Cli.Rendering;
using Mica.Engine;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica store check</c>.</summary>
internal sealed class StoreCheckCommand : EngineCommand
{
    private readonly Option<bool> _deep;
    private readonly Option<bool> _quiet;
    private readonly Option<bool> _rebuild;
    private readonly Option<bool> _repair;

    public StoreCheckCommand()
        : base("[OPTIONS]", "Read everything in the store again and name what is damaged", ArgumentCount.None)
    {
        _deep = Flag("--deep", null, "Compare every unpacked file with its layer too");
        _quiet = Flag("--quiet", "-q", "Only show what is wrong");
        _rebuild = Flag("--rebuild", null, "Make the catalog anew from the blobs first; no other mica may run meanwhile");
        _repair = Flag("--repair", null, "Remove what is damaged, unpack layers again, and fetch what is missing");
        AddMaxLayerSize();
    }

    public override bool StopsInGoodOrder => true;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForOwners;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica store check", "is everything as it should be?"),
        ("mica store check --repair", "make it so, from the registries if need be"),
    ];

    protected override async Task PrepareAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Value(_rebuild))
        {
            using ProgressOutput progress = invocation.StartProgress(ProgressWords.Copy, invocation.Value(_quiet));
            EngineOptions options = OptionsFor(invocation);
            StoreCheckReport rebuilt = await ImageStore.RebuildAsync(
                new StoreOptions { Root = options.Root, Time = options.Time, Platform = options.Platform }, progress, cancellationToken);
            progress.Line($"Rebuilt the catalog from {rebuilt.Blobs} blobs and {rebuilt.Layers} unpacked layers");
        }
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        StoreCheckReport report;
        using (ProgressOutput progress = invocation.StartProgress(ProgressWords.Pull, invocation.Value(_quiet)))
        {
            var options = new StoreCheckOptions { Repair = invocation.Value(_repair), Deep = invocation.Value(_deep) };
            report = await engine.CheckAsync(options, progress, cancellationToken);
        }

        invocation.Output.Write(CheckText.Of(report, invocation.Value(_quiet)));
        return report.IsWhole ? ExitCodes.Success : ExitCodes.Failure;
    }
}
