using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Engine;
using Mica.Oci;
using Mica.Store;

namespace Mica.Cli.Commands;

/// <summary><c>mica save</c>, <c>mica image save</c>.</summary>
internal sealed class SaveCommand : EngineCommand
{
    private readonly Option<string?> _form;
    private readonly Option<string?> _output;
    private readonly Option<string?> _platform;

    public SaveCommand()
        : base("[OPTIONS] IMAGE [IMAGE...]", "Save one or more images to a tar archive (streamed to STDOUT by default)", ArgumentCount.AtLeast(1))
    {
        _form = Text("--format", null, "string", "Form of the archive: docker-archive, which all tools load (default), or oci-archive",
            choices: ["docker-archive", "oci-archive"]);
        _output = Text("--output", "-o", "string", "Write to a file, instead of STDOUT", Completes.Files);
        _platform = Text("--platform", null, "string", "Save only the given platform variant: os[/arch[/variant]]", Completes.Platforms);
    }

    public override bool StopsInGoodOrder => true;

    public override Completes Completes => Completes.Images;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica save -o app.tar app:1.2 app:1.1", "two images, shared layers once"),
        ("mica save app:1.2 | ssh host docker load", "to another machine"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var options = new SaveOptions { Platform = invocation.PlatformOf(_platform), Form = FormOf(invocation) };
        using ProgressOutput progress = invocation.StartProgress(ProgressWords.Save, onError: true);
        if (invocation.Value(_output) is { Length: > 0 } path)
        {
            await engine.Images.SaveFileAsync(invocation.Arguments, options, path, progress, cancellationToken);
            return ExitCodes.Success;
        }

        if (invocation.Host.IsOutputTerminal)
        {
            throw invocation.Misuse("cowardly refusing to save to a terminal. Use the -o flag or redirect");
        }

        await using Stream output = invocation.Host.OpenOutput();
        await engine.Images.SaveAsync(invocation.Arguments, options, output, progress, cancellationToken);
        return ExitCodes.Success;
    }

    private ImageArchiveForm FormOf(Invocation invocation) => invocation.Value(_form) switch
    {
        null or "docker-archive" => ImageArchiveForm.Docker,
        "oci-archive" => ImageArchiveForm.Oci,
        string other => throw invocation.Misuse($"invalid argument \"{Printable.Of(other)}\" for \"--format\" flag: must be docker-archive or oci-archive"),
    };
}
