using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary>A command that does the same with every container that is named, and prints the name of each with which it succeeded.</summary>
internal abstract class LifeCycleCommand(string usage, string summary) : EngineCommand(usage, summary, ArgumentCount.AtLeast(1))
{
    public override Completes Completes => Completes.Containers;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected abstract Task ActAsync(Engine.Engine engine, Invocation invocation, string name, CancellationToken cancellationToken);

    protected override Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken) =>
        invocation.ForEachArgumentAsync(async name =>
        {
            await ActAsync(engine, invocation, name, cancellationToken);
            invocation.Output.Write(name + "\n");
        });

    /// <summary>Seconds, of which a negative number means without end; null: not given.</summary>
    protected static TimeSpan? Seconds(string? text, string option) => text is null ? null
        : LimitFlags.Number(text, option) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
}

/// <summary><c>mica stop</c>.</summary>
internal sealed class StopCommand : LifeCycleCommand
{
    private readonly Option<string?> _signal;
    private readonly Option<string?> _timeout;

    public StopCommand()
        : base("[OPTIONS] CONTAINER [CONTAINER...]", "Stop one or more running containers")
    {
        _signal = Text("--signal", "-s", "string", "Signal to send to the container");
        _timeout = Text("--timeout", "-t", "int", "Seconds to wait before killing the container");
    }

    protected override Task ActAsync(Engine.Engine engine, Invocation invocation, string name, CancellationToken cancellationToken) =>
        engine.Containers.StopAsync(name, invocation.Value(_signal), Seconds(invocation.Value(_timeout), "--timeout"), cancellationToken);
}

/// <summary><c>mica restart</c>.</summary>
internal sealed class RestartCommand : LifeCycleCommand
{
    private readonly Option<string?> _signal;
    private readonly Option<string?> _timeout;

    public RestartCommand()
        : base("[OPTIONS] CONTAINER [CONTAINER...]", "Restart one or more containers")
    {
        _signal = Text("--signal", "-s", "string", "Signal to send to the container");
        _timeout = Text("--timeout", "-t", "int", "Seconds to wait before killing the container");
    }

    protected override Task ActAsync(Engine.Engine engine, Invocation invocation, string name, CancellationToken cancellationToken) =>
        engine.Containers.RestartAsync(name, invocation.Value(_signal), Seconds(invocation.Value(_timeout), "--timeout"), cancellationToken);
}

/// <summary><c>mica kill</c>.</summary>
internal sealed class KillCommand : LifeCycleCommand
{
    private readonly Option<string?> _signal;

    public KillCommand()
        : base("[OPTIONS] CONTAINER [CONTAINER...]", "Kill one or more running containers") =>
        _signal = Text("--signal", "-s", "string", "Signal to send to the container (default KILL)");

    protected override Task ActAsync(Engine.Engine engine, Invocation invocation, string name, CancellationToken cancellationToken) =>
        engine.Containers.KillAsync(name, invocation.Value(_signal) ?? "KILL", cancellationToken);
}

/// <summary><c>mica pause</c>.</summary>
internal sealed class PauseCommand() : LifeCycleCommand("CONTAINER [CONTAINER...]", "Pause all processes within one or more containers")
{
    protected override Task ActAsync(Engine.Engine engine, Invocation invocation, string name, CancellationToken cancellationToken) =>
        engine.Containers.PauseAsync(name, cancellationToken);
}

/// <summary><c>mica unpause</c>.</summary>
internal sealed class UnpauseCommand() : LifeCycleCommand("CONTAINER [CONTAINER...]", "Unpause all processes within one or more containers")
{
    protected override Task ActAsync(Engine.Engine engine, Invocation invocation, string name, CancellationToken cancellationToken) =>
        engine.Containers.UnpauseAsync(name, cancellationToken);
}

/// <summary><c>mica rm</c>.</summary>
internal sealed class ContainerRemoveCommand : LifeCycleCommand
{
    private readonly Option<bool> _force;
    private readonly Option<bool> _volumes;

    public ContainerRemoveCommand()
        : base("[OPTIONS] CONTAINER [CONTAINER...]", "Remove one or more containers")
    {
        _force = Flag("--force", "-f", "Force the removal of a running container (uses SIGKILL)");
        _volumes = Flag("--volumes", "-v", "Remove anonymous volumes associated with the container");
    }

    protected override async Task ActAsync(Engine.Engine engine, Invocation invocation, string name, CancellationToken cancellationToken)
    {
        try
        {
            await engine.Containers.RemoveAsync(name, invocation.Value(_force), invocation.Value(_volumes), cancellationToken);
        }
        catch (MicaException missing) when (missing.Kind == ErrorKind.NotFound && invocation.Value(_force))
        {
            // As with docker, what is not there need not be removed; it is said all the same.
            invocation.Host.Error.Write($"mica: {missing.Message}\n");
        }
    }
}

/// <summary><c>mica wait</c>.</summary>
internal sealed class WaitCommand() : EngineCommand("CONTAINER [CONTAINER...]", "Block until one or more containers stop, then print their exit codes", ArgumentCount.AtLeast(1))
{
    public override Completes Completes => Completes.Containers;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken) =>
        invocation.ForEachArgumentAsync(async name =>
        {
            int code = await engine.Containers.WaitAsync(name, removed: false, cancellationToken);
            invocation.Output.Write($"{code}\n");
            invocation.Output.Flush();
        });
}

/// <summary><c>mica rename</c>.</summary>
internal sealed class RenameCommand() : EngineCommand("CONTAINER NEW_NAME", "Rename a container", ArgumentCount.Exactly(2))
{
    public override Completes Completes => Completes.Containers;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        await engine.Containers.RenameAsync(invocation.Arguments[0], invocation.Arguments[1], cancellationToken);
        return ExitCodes.Success;
    }
}
