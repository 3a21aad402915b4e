using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica push</c>.</summary>
internal sealed class PushCommand : EngineCommand
{
    private readonly Option<string?> _platform;
    private readonly Option<bool> _all;
    private readonly Option<bool> _quiet;

    public PushCommand()
        : base("[OPTIONS] NAME[:TAG]", "Upload an image to a registry", ArgumentCount.Exactly(1))
    {
        _all = Flag("--all-tags", "-a", "Push all tags of the repository");
        _platform = Text("--platform", null, "string", "Push only the manifest for this platform");
        _quiet = Flag("--quiet", "-q", "Print only the name");
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var reference = ImageReference.Parse(invocation.Arguments[0]);
        var options = new PushOptions { Platform = invocation.PlatformOf(_platform) };
        using ProgressOutput progress = invocation.StartProgress(ProgressWords.Push, invocation.Value(_quiet));
        if (invocation.Value(_all))
        {
            await foreach (PushResult result in engine.Images.PushAllTagsAsync(reference, options, progress, cancellationToken))
            {
                progress.Line($"{result.Reference.Tag}: digest: {result.Root.Digest} size: {result.Root.Size}");
            }
        }
        else
        {
            PushResult result = await engine.Images.PushAsync(reference, options, progress, cancellationToken);
            progress.Line($"{result.Reference.Tag}: digest: {result.Root.Digest} size: {result.Root.Size}");
        }

        progress.Dispose();
        if (invocation.Value(_quiet))
        {
            invocation.Output.Write($"{reference.WithDefaultTag()}\n");
        }

        return ExitCodes.Success;
    }
}
