using Mica.Cli.CommandLine;
using Mica.Cli.Commands;

namespace Mica.Cli.Containers;

/// <summary><c>mica container cleanup ID</c>: what the monitor of a container calls when it has ended.</summary>
internal sealed class CleanUpCommand() : EngineCommand("ID", "See to the end of a container (called by its monitor)", ArgumentCount.Exactly(1))
{
    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        await engine.Containers.CleanUpAsync(invocation.Arguments[0], cancellationToken);
        return ExitCodes.Success;
    }
}

/// <summary><c>mica container watch ID</c>: runs the checks of a container for as long as it runs.</summary>
internal sealed class WatchHealthCommand() : EngineCommand("ID", "Run the health checks of a container (started with it)", ArgumentCount.Exactly(1))
{
    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        await engine.Containers.WatchHealthAsync(invocation.Arguments[0], cancellationToken);
        return ExitCodes.Success;
    }
}
