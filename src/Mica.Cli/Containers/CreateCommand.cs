using System.Collections.Immutable;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Engine;

namespace Mica.Cli.Containers;

/// <summary><c>mica create</c>, <c>mica container create</c>.</summary>
internal sealed class CreateCommand() : ContainerCreateCommand("Create a new container")
{
    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica create --name db -v data:/var/lib/postgresql postgres", "to be started later by mica start db"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        CheckIdFile(invocation);
        ContainerDefinition definition = Definition(invocation, isDetached: false);
        using ProgressOutput progress = invocation.StartProgress(ProgressWords.Pull, IsQuiet(invocation), onError: true);
        Container container = await engine.Containers.CreateAsync(definition, Name(invocation), Pull(invocation), progress, cancellationToken);
        WriteIdFile(invocation, container);
        invocation.Output.Write(container.Id + "\n");
        return ExitCodes.Success;
    }
}
