using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;

namespace Mica.Cli.Commands;

/// <summary><c>mica inspect</c>.</summary>
internal sealed class InspectCommand : EngineCommand
{
    private readonly Option<string?> _platform;

    public InspectCommand()
        : base("[OPTIONS] IMAGE [IMAGE...]", "Show an image in full, as JSON", ArgumentCount.AtLeast(1)) =>
        _platform = Text("--platform", null, "string", "Show the variant for this platform");

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var documents = new List<byte[]>();
        foreach (string image in invocation.Arguments)
        {
            documents.Add(InspectDocument.Of(await engine.Store.InspectAsync(image, invocation.PlatformOf(_platform), cancellationToken), layers: false));
        }

        invocation.Output.Write(InspectDocument.Array(documents, indented: true).TrimEnd() + "\n");
        return ExitCodes.Success;
    }
}
