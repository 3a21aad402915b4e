using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica manifest push</c>.</summary>
internal sealed class ManifestPushCommand : EngineCommand
{
    private readonly Option<bool> _purge;

    public ManifestPushCommand()
        : base("[OPTIONS] MANIFEST_LIST", "Push a manifest list to a repository", ArgumentCount.Exactly(1))
    {
        _purge = Flag("--purge", "-p", "Remove the local manifest list after push");
        AddInsecure();
    }

    public override bool StopsInGoodOrder => true;

    public override Completes Completes => Completes.Images;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        ImageReference list = ImageReference.Parse(invocation.Arguments[0]).WithDefaultTag();
        using ProgressOutput progress = invocation.StartProgress(ProgressWords.Push, onError: true);
        PushResult pushed = await engine.Images.PushAsync(list, new PushOptions { KeepsLayers = true }, progress, cancellationToken);
        if (invocation.Value(_purge))
        {
            await engine.Store.RemoveAsync(list.ToString(), force: false, cancellationToken);
        }

        invocation.Output.Write($"{pushed.Root.Digest}\n");
        return ExitCodes.Success;
    }
}
