using System.Collections.Immutable;
using Mica.Cli.CommandLine;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica tag undo</c>.</summary>
internal sealed class TagUndoCommand : EngineCommand
{
    public TagUndoCommand()
        : base("NAME[:TAG]", "Take back the last move of a name; again, the one before", ArgumentCount.Exactly(1))
    {
    }

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica tag undo app:latest", "what app:latest stood for before"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var name = ImageReference.Parse(invocation.Arguments[0]);
        NameMove move = await engine.Store.UndoAsync(name, cancellationToken);
        string familiar = name.WithDefaultTag().Familiar;
        invocation.Output.Write(move.To is { } root ? $"{familiar}: {root}\n" : $"Untagged: {familiar}\n");
        return ExitCodes.Success;
    }
}
