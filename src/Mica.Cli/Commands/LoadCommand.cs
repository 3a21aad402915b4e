using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Engine;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica load</c>.</summary>
internal sealed class LoadCommand : EngineCommand
{
    private readonly Option<string?> _input;
    private readonly Option<bool> _quiet;

    public LoadCommand()
        : base("[OPTIONS]", "Bring the images of an archive in", ArgumentCount.None)
    {
        _input = Text("--input", "-i", "file", "Read from a file, instead of STDIN");
        _quiet = Flag("--quiet", "-q", "Suppress the progress");
    }

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        using ImageArchive archive = invocation.Value(_input) is { Length: > 0 } path
            ? await ImageArchive.OpenAsync(path, engine.Images.ArchiveOptions, cancellationToken)
            : await ImageArchive.OpenAsync(invocation.Host.OpenInput(), "stdin", engine.Images.ArchiveOptions, cancellationToken);
        using ProgressOutput progress = invocation.StartProgress(ProgressWords.Load, invocation.Value(_quiet));
        foreach (LoadedImage image in await engine.Images.LoadAsync(archive, null, progress, cancellationToken))
        {
            if (image.References.IsEmpty)
            {
                progress.Line($"Loaded image ID: {image.Id}");
            }

            foreach (ImageReference name in image.References)
            {
                progress.Line($"Loaded image: {name.Familiar}");
            }
        }

        return ExitCodes.Success;
    }
}
