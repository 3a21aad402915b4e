using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica pull</c>.</summary>
internal sealed class PullCommand : EngineCommand
{
    private readonly Option<string?> _platform;
    private readonly Option<bool> _all;
    private readonly Option<bool> _quiet;

    public PullCommand()
        : base("[OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry", ArgumentCount.Exactly(1))
    {
        _all = Flag("--all-tags", "-a", "Download all tagged images in the repository");
        _platform = Text("--platform", null, "string", "Take the image for this platform from an index");
        _quiet = Flag("--quiet", "-q", "Print only the name");
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var reference = ImageReference.Parse(invocation.Arguments[0]);
        bool all = invocation.Value(_all);
        if (all && (reference.Tag ?? reference.Digest?.ToString()) is not null)
        {
            throw invocation.Misuse("tag can't be used with --all-tags/-a");
        }

        var options = new PullOptions { Platform = invocation.PlatformOf(_platform) };
        using ProgressOutput progress = invocation.StartProgress(ProgressWords.Pull, invocation.Value(_quiet));
        if (all)
        {
            await foreach (PullResult result in engine.Images.PullAllTagsAsync(reference, options, progress, cancellationToken))
            {
                Finish(progress, result);
            }
        }
        else
        {
            Finish(progress, await engine.Images.PullAsync(reference, options, progress, cancellationToken));
        }

        progress.Dispose();
        invocation.Output.Write($"{(all ? reference : reference.WithDefaultTag())}\n");
        return ExitCodes.Success;
    }

    private static void Finish(ProgressOutput progress, PullResult result)
    {
        progress.Line($"Digest: {result.Root.Digest}");
        progress.Line(result.Changed
            ? $"Status: Downloaded newer image for {result.Reference.Familiar}"
            : $"Status: Image is up to date for {result.Reference.Familiar}");
    }
}
