using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Engine;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica load</c>, <c>mica image load</c>.</summary>
internal sealed class LoadCommand : EngineCommand
{
    private readonly Option<string?> _input;
    private readonly Option<string?> _platform;
    private readonly Option<bool> _quiet;

    public LoadCommand()
        : base("[OPTIONS]", "Load an image from a tar archive or STDIN", ArgumentCount.None)
    {
        _input = Text("--input", "-i", "string", "Read from tar archive file, instead of STDIN", Completes.Files);
        _platform = Text("--platform", null, "string", "Load only the given platform variant: os[/arch[/variant]]", Completes.Platforms);
        _quiet = Flag("--quiet", "-q", "Suppress the load output");
        AddMaxLayerSize();
    }

    public override bool StopsInGoodOrder => true;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForOwners;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica load -i app.tar", "every image of the archive, with its names"),
        ("docker save app:1.2 | mica load", "from docker"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        string? path = invocation.Value(_input);
        if (path is null or "" && invocation.Host.IsInputTerminal)
        {
            throw invocation.Misuse("requested load from stdin, but stdin is empty");
        }

        using ImageArchive archive = path is { Length: > 0 }
            ? await ImageArchive.OpenAsync(path, engine.Images.ArchiveOptions, cancellationToken)
            : await ImageArchive.OpenAsync(invocation.Host.OpenInput(), "stdin", engine.Images.ArchiveOptions, cancellationToken);
        using ProgressOutput progress = invocation.StartProgress(ProgressWords.Load, invocation.Value(_quiet) || IsSilent(invocation));
        foreach (LoadedImage image in await engine.Images.LoadAsync(archive, invocation.PlatformOf(_platform), progress, cancellationToken))
        {
            foreach (ImageReference name in image.References)
            {
                progress.Result($"Loaded image: {name.Familiar}");
            }

            if (image.References.IsEmpty)
            {
                progress.Result($"Loaded image ID: {image.Id}");
            }
        }

        return ExitCodes.Success;
    }

    /// <summary>Off a terminal only the names are printed, unless progress was asked for.</summary>
    private static bool IsSilent(Invocation invocation) =>
        invocation.Globals.Progress == ProgressMode.Auto && !invocation.Host.IsOutputTerminal;
}
