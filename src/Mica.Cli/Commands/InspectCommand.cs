using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.Cli.Templates;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica inspect</c>, <c>mica image inspect</c>.</summary>
internal sealed class InspectCommand : EngineCommand
{
    private readonly Option<string?> _format;
    private readonly Option<string?> _platform;
    private readonly Option<bool> _remote;
    private readonly Option<bool> _size;
    private readonly Option<string?> _type;

    public InspectCommand()
        : base("[OPTIONS] NAME|ID [NAME|ID...]", "Return low-level information on images", ArgumentCount.AtLeast(1))
    {
        _format = Text("--format", "-f", "string", FormatHelp.OfDocument, choices: ["json"]);
        _platform = Text("--platform", null, "string", "Inspect the variant for this platform: os[/arch[/variant]]", Completes.Platforms);
        _remote = Flag("--remote", null, "Look at the image in its registry, without pulling it");
        _size = Flag("--size", "-s", "Show the layers with their digests and sizes too");
        _type = Text("--type", null, "string", "Only inspect objects of the given type: image", choices: ["image"]);
        AddInsecure();
    }

    public override Completes Completes => Completes.Images;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica inspect debian:trixie-slim", "everything"),
        ("mica inspect -f '{{json .Config.Env}}' node:20", "one part"),
        ("mica inspect --remote --platform linux/arm64 debian", "what a pull would bring"),
    ];

    protected override Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Value(_type) is { } type and not ("" or "image"))
        {
            throw invocation.Misuse($"\"{Printable.Of(type)}\" is not a valid value for --type: there are only images");
        }

        string format = invocation.Value(_format) ?? "";
        Template? template = format is "" or "json" ? null : Template.Parse(format);
        var documents = new List<byte[]>();
        return invocation.ForEachArgumentAsync(async name =>
        {
            byte[] document = InspectDocument.Of(await OpenAsync(engine, invocation, name, cancellationToken), invocation.Value(_size));
            if (template is null)
            {
                documents.Add(document);
                return;
            }

            using JsonDocument json = JsonDocument.Parse(document);
            invocation.Output.Write(template.Apply(Value.Of(json.RootElement, ImageShape.Of)) + "\n");
        }, () =>
        {
            if (template is null)
            {
                invocation.Output.Write(InspectDocument.Array(documents, indented: format.Length == 0));
            }
        });
    }

    private async Task<InspectedImage> OpenAsync(Engine.Engine engine, Invocation invocation, string name, CancellationToken cancellationToken)
    {
        if (!invocation.Value(_remote))
        {
            if (await engine.Store.FindAsync(name, cancellationToken) is null)
            {
                throw new MicaException(ErrorKind.NotFound, $"no such object: {Printable.Of(name)}");
            }

            return InspectedImage.Of(await engine.Store.InspectAsync(name, invocation.PlatformOf(_platform), cancellationToken));
        }

        ImageReference reference = ImageReference.Parse(name).WithDefaultTag();
        return InspectedImage.Of(await engine.Images.OpenRemoteAsync(
            reference, invocation.PlatformToFetch(_platform), progress: null, cancellationToken), reference);
    }
}
