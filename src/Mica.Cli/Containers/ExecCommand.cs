using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary><c>mica exec</c>.</summary>
internal sealed class ExecCommand : EngineCommand
{
    private readonly Option<bool> _detach;
    private readonly Option<string[]> _env;
    private readonly Option<string[]> _envFiles;
    private readonly Option<bool> _interactive;
    private readonly Option<string?> _keys;
    private readonly Option<bool> _privileged;
    private readonly Option<bool> _tty;
    private readonly Option<string?> _user;
    private readonly Option<string?> _workdir;

    public ExecCommand()
        : base("[OPTIONS] CONTAINER COMMAND [ARG...]", "Execute a command in a running container", ArgumentCount.AtLeast(2))
    {
        _detach = Flag("--detach", "-d", "Detached mode: run command in the background");
        _keys = Text("--detach-keys", null, "string", "Override the key sequence for detaching a container (not supported: the command ends with mica)");
        _env = Texts("--env", "-e", "list", "Set environment variables");
        _envFiles = Texts("--env-file", null, "list", "Read in a file of environment variables");
        _interactive = Flag("--interactive", "-i", "Keep STDIN open even if not attached");
        _privileged = Flag("--privileged", null, "Give extended privileges to the command");
        _tty = Flag("--tty", "-t", "Allocate a pseudo-TTY");
        _user = Text("--user", "-u", "string", "Username or UID (format: \"<name|uid>[:<group|gid>]\")");
        _workdir = Text("--workdir", "-w", "string", "Working directory inside the container");
    }

    public override bool StopsAtFirstArgument => true;

    public override Completes Completes => Completes.Containers;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica exec -it web sh", "a shell in a running container"),
        ("mica exec -u postgres db pg_dump app > app.sql", "a program of another user"),
    ];

    protected override Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Value(_keys) is not null)
        {
            throw new MicaException(ErrorKind.Unsupported, "--detach-keys is not supported by exec: a command that shall outlive it is run by -d");
        }

        bool wantsTerminal = invocation.Value(_tty), opensInput = invocation.Value(_interactive);
        if (wantsTerminal && opensInput && !invocation.Value(_detach) && !invocation.Host.IsInputTerminal)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "the input device is not a TTY");
        }

        return engine.Containers.ExecuteAsync(invocation.Arguments[0], new ExecDefinition
        {
            Command = [.. invocation.Arguments[1..]],
            Environment = ContainerFlag.Environment(
                invocation.Value(_envFiles) ?? [], invocation.Value(_env) ?? [], invocation.Host.Environment.Variable),
            WorkingDirectory = invocation.Value(_workdir) is { Length: > 0 } workdir ? ContainerFlag.AbsolutePath(workdir, "Cwd") : null,
            User = invocation.Value(_user) is { Length: > 0 } user ? user : null,
            UsesTerminal = wantsTerminal,
            OpensInput = opensInput,
            IsDetached = invocation.Value(_detach),
            IsPrivileged = invocation.Value(_privileged),
        }, cancellationToken);
    }
}
