using Mica.Cli.CommandLine;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica tag</c>.</summary>
internal sealed class TagCommand : EngineCommand
{
    public TagCommand()
        : base("SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", "Give an image another name", ArgumentCount.Exactly(2))
    {
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        await engine.Store.TagAsync(invocation.Arguments[0], ImageReference.Parse(invocation.Arguments[1]), cancellationToken);
        return ExitCodes.Success;
    }
}
