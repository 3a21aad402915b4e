using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Cli.Rendering;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary><c>mica cp</c>, container to here or here to container, by docker's rules for names that are there and slashes at the end.</summary>
internal sealed class CopyFilesCommand : EngineCommand
{
    private readonly Option<bool> _archive;
    private readonly Option<bool> _follow;
    private readonly Option<bool> _quiet;

    public CopyFilesCommand()
        : base("[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n       mica cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH", "Copy files/folders between a container and the local filesystem", ArgumentCount.Exactly(2))
    {
        _archive = Flag("--archive", "-a", "Archive mode (copy all uid/gid information)");
        _follow = Flag("--follow-link", "-L", "Always follow symbol link in SRC_PATH");
        _quiet = Flag("--quiet", "-q", "Suppress progress output during copy");
    }

    public override Completes Completes => Completes.Files;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica cp web:/etc/nginx/nginx.conf .", "out of a container"),
        ("mica cp ./site/. web:/usr/share/nginx/html", "what is in a directory, into one"),
        ("mica cp web:/var/log - | tar t", "as a tar"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        (string? fromContainer, string from) = Split(invocation.Arguments[0]);
        (string? toContainer, string to) = Split(invocation.Arguments[1]);
        if (fromContainer is not null && toContainer is not null)
        {
            throw new MicaException(ErrorKind.Unsupported, "copying between containers is not supported");
        }

        if (fromContainer is null && toContainer is null)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "must specify at least one container source");
        }

        var copy = new FileCopy(engine, invocation.Value(_follow), invocation.Value(_archive));
        long bytes = fromContainer is not null
            ? await copy.OutAsync(fromContainer, from, to, invocation.Host.OpenOutput, cancellationToken)
            : await copy.InAsync(toContainer!, from, to, invocation.Host.OpenInput, cancellationToken);
        if (!invocation.Value(_quiet) && to != "-" && invocation.Host.IsErrorTerminal)
        {
            invocation.Host.Error.Write($"Successfully copied {HumanSize.Short(bytes)} to {Printable.Of(invocation.Arguments[1])}\n");
        }

        return ExitCodes.Success;
    }

    /// <summary>A colon after a slash belongs to a path.</summary>
    private static (string? Container, string Path) Split(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon <= 0 || text[..colon].Contains('/', StringComparison.Ordinal) || text.StartsWith('.') ? (null, text)
            : (text[..colon], text[(colon + 1)..] is { Length: > 0 } path ? path : "/");
    }
}
