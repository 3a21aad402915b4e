using Mica.Cli.CommandLine;
using Mica.Engine;
using Mica.Registry;

namespace Mica.Cli.Commands;

/// <summary>A command in front of the engine of the root directory that the user means.</summary>
internal abstract class EngineCommand(string usage, string summary, ArgumentCount count) : CliCommand(usage, summary, count)
{
    public sealed override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        await using Engine.Engine engine = await Mica.Engine.Engine.OpenAsync(new EngineOptions
        {
            Root = invocation.Root,
            Time = invocation.Host.Time,
            Registry = new RegistryClientOptions { Version = BuildStamp.Version, Time = invocation.Host.Time },
        }, cancellationToken);
        return await RunAsync(engine, invocation, cancellationToken);
    }

    protected abstract Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken);
}
