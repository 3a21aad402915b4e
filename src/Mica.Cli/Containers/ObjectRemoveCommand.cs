using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary>Removes things by name, one after the other; with <c>--force</c> those that are not there are no failure.</summary>
internal abstract class ObjectRemoveCommand : EngineCommand
{
    private readonly Option<bool> _force;

    protected ObjectRemoveCommand(string usage, string summary, string force, Completes completes)
        : base(usage, summary, ArgumentCount.AtLeast(1))
    {
        _force = Flag("--force", "-f", force);
        Completes = completes;
    }

    public override Completes Completes { get; }

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected abstract Task RemoveAsync(Engine.Engine engine, string name, CancellationToken cancellationToken);

    protected sealed override Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken) =>
        invocation.ForEachArgumentAsync(async name =>
        {
            try
            {
                await RemoveAsync(engine, name, cancellationToken);
            }
            catch (MicaException missing) when (missing.Kind == ErrorKind.NotFound && invocation.Value(_force))
            {
                // Then it is as wanted.
            }

            invocation.Output.Write(name + "\n");
        });
}
