using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;

namespace Mica.Cli.Commands;

/// <summary><c>mica rmi</c>, <c>mica image rm</c>.</summary>
internal sealed class RemoveCommand : EngineCommand
{
    private readonly Option<bool> _force;

    public RemoveCommand()
        : base("[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images", ArgumentCount.AtLeast(1)) =>
        _force = Flag("--force", "-f", "Force removal of the image: with all its names, and from under stopped containers");

    public override bool StopsInGoodOrder => true;

    public override Completes Completes => Completes.Images;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForOwners;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica rmi debian:trixie-slim", "the name, and the image if it was its last"),
        ("mica rmi -f 0123456789ab", "the image with this ID and all its names"),
    ];

    protected override Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken) =>
        invocation.ForEachArgumentAsync(async image => invocation.Output.Write(
            RemovalText.Of(await engine.Store.RemoveAsync(image, invocation.Value(_force), cancellationToken))));
}
