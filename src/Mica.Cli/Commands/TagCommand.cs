using System.Collections.Immutable;
using Mica.Cli.CommandLine;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica tag</c>, <c>mica image tag</c>.</summary>
internal sealed class TagCommand : EngineCommand
{
    public TagCommand()
        : base("SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE", ArgumentCount.Exactly(2))
    {
    }

    public override string Remarks =>
        "Every move of a name is recorded: 'mica tag log NAME' shows them, 'mica tag undo NAME' takes\n"
        + "the last one back. An image named \"log\" or \"undo\" is tagged as \"log:latest\" or \"undo:latest\".";

    public override Completes Completes => Completes.Images;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica tag app:1.2 127.0.0.1:5000/app:1.2", "a name to push it under"),
        ("mica tag 0123456789ab app:old", "by ID"),
        ("mica tag log app", "where the name app:latest has been"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        await engine.Store.TagAsync(invocation.Arguments[0], ImageReference.Parse(invocation.Arguments[1]), cancellationToken);
        return ExitCodes.Success;
    }
}
