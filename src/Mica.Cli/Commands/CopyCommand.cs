using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Engine;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica copy</c>.</summary>
internal sealed class CopyCommand : EngineCommand
{
    private readonly Option<bool> _all;
    private readonly Option<bool> _quiet;
    private readonly Option<string?> _platform;

    public CopyCommand()
        : base("[OPTIONS] SOURCE DESTINATION", "Copy an image between registries, layouts, archives and the store", ArgumentCount.Exactly(2))
    {
        _all = Flag("--all", "-a", "Copy every platform of an index");
        _platform = Text("--platform", null, "string", "Choose this platform from an index");
        _quiet = Flag("--quiet", "-q", "Suppress the progress");
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var options = new CopyOptions { All = invocation.Value(_all), Platform = invocation.PlatformOf(_platform) };
        using ProgressOutput progress = invocation.StartProgress(ProgressWords.Copy, invocation.Value(_quiet));
        Descriptor root = await engine.Images.CopyAsync(
            ImageLocation.Parse(invocation.Arguments[0]), ImageLocation.Parse(invocation.Arguments[1]), options, progress, cancellationToken);
        progress.Line($"Digest: {root.Digest}");
        return ExitCodes.Success;
    }
}
