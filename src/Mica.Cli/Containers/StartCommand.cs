using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Engine;

namespace Mica.Cli.Containers;

/// <summary><c>mica start</c>.</summary>
internal sealed class StartCommand : EngineCommand
{
    private readonly Option<bool> _attach;
    private readonly Option<bool> _interactive;
    private readonly Option<string?> _keys;

    public StartCommand()
        : base("[OPTIONS] CONTAINER [CONTAINER...]", "Start one or more stopped containers", ArgumentCount.AtLeast(1))
    {
        _attach = Flag("--attach", "-a", "Attach STDOUT/STDERR and forward signals");
        _keys = Text("--detach-keys", null, "string", "Override the key sequence for detaching a container (default ctrl-p,ctrl-q)");
        _interactive = Flag("--interactive", "-i", "Attach container's STDIN");
    }

    public override Completes Completes => Completes.Containers;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        if (!invocation.Value(_attach) && !invocation.Value(_interactive))
        {
            return await invocation.ForEachArgumentAsync(async name =>
            {
                await engine.Containers.StartAsync(name, cancellationToken);
                invocation.Output.Write(name + "\n");
            });
        }

        if (invocation.Arguments.Length > 1)
        {
            throw invocation.Misuse("you cannot start and attach multiple containers at once");
        }

        using ContainerSession session = await engine.Containers.StartAttachedAsync(invocation.Arguments[0], cancellationToken);
        return await new AttachedTerminal(invocation.Host, session)
        {
            Keys = DetachKeys.Parse(invocation.Value(_keys)),
            ReadsInput = invocation.Value(_interactive) && session.Container.Definition.OpensInput,
        }.RunAsync(cancellationToken) ?? ExitCodes.Success;
    }
}

/// <summary><c>mica attach</c>.</summary>
internal sealed class AttachCommand : EngineCommand
{
    private readonly Option<string?> _keys;
    private readonly Option<bool> _noInput;
    private readonly Option<bool> _signalProxy;

    public AttachCommand()
        : base("[OPTIONS] CONTAINER", "Attach local standard input, output, and error streams to a running container", ArgumentCount.Exactly(1))
    {
        _keys = Text("--detach-keys", null, "string", "Override the key sequence for detaching a container (default ctrl-p,ctrl-q)");
        _noInput = Flag("--no-stdin", null, "Do not attach STDIN");
        _signalProxy = Flag("--sig-proxy", null, "Proxy all received signals to the process", initially: true);
    }

    public override Completes Completes => Completes.Containers;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        using ContainerSession session = await engine.Containers.AttachAsync(invocation.Arguments[0], cancellationToken);
        return await new AttachedTerminal(invocation.Host, session)
        {
            Keys = DetachKeys.Parse(invocation.Value(_keys)),
            ReadsInput = !invocation.Value(_noInput) && session.Container.Definition.OpensInput,
            ForwardsSignals = invocation.Value(_signalProxy),
        }.RunAsync(cancellationToken) ?? ExitCodes.Success;
    }
}
