using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Engine;

namespace Mica.Cli.Commands;

/// <summary><c>mica save</c>.</summary>
internal sealed class SaveCommand : EngineCommand
{
    private readonly Option<string?> _output;

    public SaveCommand()
        : base("[OPTIONS] IMAGE [IMAGE...]", "Write images to an archive", ArgumentCount.AtLeast(1)) =>
        _output = Text("--output", "-o", "file", "Write to a file, instead of STDOUT");

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Value(_output) is { Length: > 0 } path)
        {
            await engine.Images.SaveFileAsync(invocation.Arguments, new SaveOptions(), path, null, cancellationToken);
            return ExitCodes.Success;
        }

        if (invocation.Host.IsOutputTerminal)
        {
            throw invocation.Misuse("cowardly refusing to save to a terminal. Use the -o flag or redirect");
        }

        await using Stream output = invocation.Host.OpenOutput();
        await engine.Images.SaveAsync(invocation.Arguments, new SaveOptions(), output, null, cancellationToken);
        return ExitCodes.Success;
    }
}
