using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary><c>mica run</c>, <c>mica container run</c>.</summary>
internal sealed class RunCommand : ContainerCreateCommand
{
    private readonly Option<bool> _detach;
    private readonly Option<string?> _keys;
    private readonly Option<bool> _signalProxy;

    public RunCommand()
        : base("Create and run a new container from an image")
    {
        _detach = Flag("--detach", "-d", "Run container in background and print container ID");
        _keys = Text("--detach-keys", null, "string", "Override the key sequence for detaching a container (default ctrl-p,ctrl-q)");
        _signalProxy = Flag("--sig-proxy", null, "Proxy received signals to the process", initially: true);
    }

    public override int? FailureCode => 125;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica run --rm debian:trixie-slim cat /etc/os-release", "one command"),
        ("mica run -it --rm debian:trixie-slim bash", "a shell"),
        ("mica run -d --name web -p 8080:80 nginx", "a server, reached at port 8080"),
        ("mica run --rm -v \"$PWD\":/src -w /src node:20 npm test", "with the files that are here"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        bool detach = invocation.Value(_detach);
        string[]? streams = Streams(invocation);
        if (detach && streams is not null)
        {
            throw invocation.Misuse("conflicting options: cannot specify both --attach and --detach");
        }

        ContainerDefinition definition = Definition(invocation, detach);
        if (definition is { UsesTerminal: true, OpensInput: true } && !detach && !invocation.Host.IsInputTerminal)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "the input device is not a TTY");
        }

        var keys = DetachKeys.Parse(invocation.Value(_keys));
        CheckIdFile(invocation);
        Container container;
        using (ProgressOutput progress = invocation.StartProgress(ProgressWords.Pull, IsQuiet(invocation), onError: true))
        {
            container = await engine.Containers.CreateAsync(definition, Name(invocation), Pull(invocation), progress, cancellationToken);
        }

        WriteIdFile(invocation, container);
        if (detach)
        {
            await engine.Containers.StartAsync(container.Id, cancellationToken);
            invocation.Output.Write(container.Id + "\n");
            return ExitCodes.Success;
        }

        using ContainerSession session = await engine.Containers.StartAttachedAsync(container.Id, cancellationToken);
        int? code = await new AttachedTerminal(invocation.Host, session)
        {
            Keys = keys,
            ReadsInput = definition.OpensInput && (streams is null || streams.Contains("stdin")),
            ShowsOutput = streams is null || streams.Contains("stdout"),
            ShowsErrors = streams is null || streams.Contains("stderr"),
            ForwardsSignals = invocation.Value(_signalProxy),
        }.RunAsync(cancellationToken);
        return code ?? ExitCodes.Success;
    }
}
