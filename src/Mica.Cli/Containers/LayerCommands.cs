using System.Collections.Immutable;
using System.CommandLine;
using Mica.Build;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Engine;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Containers;

/// <summary><c>mica diff</c>.</summary>
internal sealed class DiffCommand() : EngineCommand("CONTAINER", "Inspect changes to files or directories on a container's filesystem", ArgumentCount.Exactly(1))
{
    public override Completes Completes => Completes.Containers;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        foreach (FileChange change in await engine.Containers.ChangesAsync(invocation.Arguments[0], cancellationToken))
        {
            char letter = change.Kind switch
            {
                ChangeKind.Added => 'A',
                ChangeKind.Changed => 'C',
                _ => 'D',
            };
            invocation.Output.Write($"{letter} {Printable.Of(change.Path)}\n");
        }

        return ExitCodes.Success;
    }
}

/// <summary><c>mica commit</c>.</summary>
internal sealed class CommitCommand : EngineCommand
{
    private readonly Option<string?> _author;
    private readonly Option<string[]> _changes;
    private readonly Option<string?> _message;
    private readonly Option<bool> _pause;

    public CommitCommand()
        : base("[OPTIONS] CONTAINER [REPOSITORY[:TAG]]", "Create a new image from a container's changes", ArgumentCount.Between(1, 2))
    {
        _author = Text("--author", "-a", "string", "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")");
        _changes = Texts("--change", "-c", "list", "Apply Dockerfile instruction to the created image");
        _message = Text("--message", "-m", "string", "Commit message");
        _pause = Flag("--pause", "-p", "Pause container during commit", initially: true);
    }

    public override Completes Completes => Completes.Containers;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica commit -c 'CMD [\"bash\"]' work app:try", "an image of a container as it is now"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        Digest id = await engine.Containers.CommitAsync(invocation.Arguments[0], new CommitOptions
        {
            Name = invocation.Arguments.Length > 1 ? ImageReference.Parse(invocation.Arguments[1]) : null,
            Author = invocation.Value(_author),
            Message = invocation.Value(_message),
            Changes = [.. invocation.Value(_changes) ?? []],
            Pauses = invocation.Value(_pause),
        }, cancellationToken);
        invocation.Output.Write($"{id}\n");
        return ExitCodes.Success;
    }
}

/// <summary><c>mica export</c>.</summary>
internal sealed class ExportCommand : EngineCommand
{
    private readonly Option<string?> _output;

    public ExportCommand()
        : base("[OPTIONS] CONTAINER", "Export a container's filesystem as a tar archive", ArgumentCount.Exactly(1)) =>
        _output = Text("--output", "-o", "string", "Write to a file, instead of STDOUT", Completes.Files);

    public override Completes Completes => Completes.Containers;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Value(_output) is { Length: > 0 } path)
        {
            await OutputFile.WriteAsync(path, stream => engine.Containers.ExportAsync(invocation.Arguments[0], stream, cancellationToken));
            return ExitCodes.Success;
        }

        if (invocation.Host.IsOutputTerminal)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "cowardly refusing to save to a terminal. Use the -o flag or redirect");
        }

        await using var output = new BufferedStream(invocation.Host.OpenOutput(), 256 << 10);
        await engine.Containers.ExportAsync(invocation.Arguments[0], output, cancellationToken);
        return ExitCodes.Success;
    }
}

/// <summary><c>mica import</c>.</summary>
internal sealed class ImportCommand : EngineCommand
{
    private readonly Option<string[]> _changes;
    private readonly Option<string?> _message;
    private readonly Option<string?> _platform;

    public ImportCommand()
        : base("[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]", "Import the contents from a tarball to create a filesystem image", ArgumentCount.Between(1, 2))
    {
        _changes = Texts("--change", "-c", "list", "Apply Dockerfile instruction to the created image");
        _message = Text("--message", "-m", "string", "Set commit message for imported image");
        _platform = Text("--platform", null, "string", "Set platform of the image: os/arch[/variant]", Completes.Platforms);
    }

    public override Completes Completes => Completes.Files;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForOwners;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        string source = invocation.Arguments[0];
        ImageReference? name = invocation.Arguments.Length > 1 ? ImageReference.Parse(invocation.Arguments[1]) : null;
        Uri? address = !source.StartsWith("http://", StringComparison.Ordinal) && !source.StartsWith("https://", StringComparison.Ordinal) ? null
            : Uri.TryCreate(source, UriKind.Absolute, out Uri? given) ? given : throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(source)}: not an address");
        string message = invocation.Value(_message) ?? $"Imported from {(address is null ? source : WebDownload.Shown(address))}";
        string[] changes = invocation.Value(_changes) ?? [];
        Digest id;
        if (address is not null)
        {
            id = await engine.Images.ImportAsync(address, name, message, invocation.PlatformOf(_platform), [.. changes], cancellationToken);
        }
        else
        {
            await using Stream input = source == "-" ? invocation.Host.OpenInput() : Open(source);
            id = await engine.Images.ImportAsync(input, name, message, invocation.PlatformOf(_platform), [.. changes], cancellationToken);
        }

        invocation.Output.Write($"{id}\n");
        return ExitCodes.Success;
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.NotFound, $"open {Printable.Of(path)}: {Printable.Of(failure.Message)}", failure);
        }
    }
}

/// <summary><c>mica update</c>.</summary>
internal sealed class UpdateCommand : LifeCycleCommand
{
    private readonly LimitFlags _limits;
    private readonly Option<string?> _restart;

    public UpdateCommand()
        : base("[OPTIONS] CONTAINER [CONTAINER...]", "Update configuration of one or more containers")
    {
        _limits = new LimitFlags((name, shorthand, value, description) => Text(name, shorthand, value, description));
        _restart = Text("--restart", null, "string", "Restart policy to apply when a container exits");
    }

    protected override async Task ActAsync(Engine.Engine engine, Invocation invocation, string name, CancellationToken cancellationToken)
    {
        RestartPolicy? restart = invocation.Value(_restart) is { } text ? ContainerFlag.Restart(text) : null;
        await engine.Containers.UpdateAsync(name, before => _limits.Read(invocation, before), restart, cancellationToken);
    }
}
