using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica manifest create</c>.</summary>
internal sealed class ManifestCreateCommand : EngineCommand
{
    private readonly Option<bool> _amend;

    public ManifestCreateCommand()
        : base("[OPTIONS] MANIFEST_LIST MANIFEST [MANIFEST...]", "Create a local manifest list for annotating and pushing to a registry", ArgumentCount.AtLeast(2))
    {
        _amend = Flag("--amend", "-a", "Amend an existing manifest list");
        AddInsecure();
    }

    public override bool StopsInGoodOrder => true;

    public override Completes Completes => Completes.Images;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica manifest create app:1.2 app:1.2-amd64 app:1.2-arm64", "one name for two platforms"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        ImageReference list = ImageReference.Parse(invocation.Arguments[0]).WithDefaultTag();
        using ProgressOutput progress = invocation.StartProgress(ProgressWords.Copy, onError: true);
        await engine.Manifests.CreateAsync(list, invocation.Arguments[1..], invocation.Value(_amend), progress, cancellationToken);
        invocation.Output.Write($"Created manifest list {list}\n");
        return ExitCodes.Success;
    }
}
