using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary><c>mica manifest annotate</c>.</summary>
internal sealed class ManifestAnnotateCommand : EngineCommand
{
    private readonly Option<string[]> _annotations;
    private readonly Option<string?> _architecture;
    private readonly Option<string?> _os;
    private readonly Option<string[]> _osFeatures;
    private readonly Option<string?> _osVersion;
    private readonly Option<string?> _variant;

    public ManifestAnnotateCommand()
        : base("[OPTIONS] MANIFEST_LIST MANIFEST", "Add additional information to a local image manifest", ArgumentCount.Exactly(2))
    {
        _annotations = Texts("--annotation", null, "KEY=VALUE", "Set an annotation");
        _architecture = Text("--arch", null, "string", "Set architecture");
        _os = Text("--os", null, "string", "Set operating system");
        _osFeatures = Texts("--os-features", null, "strings", "Set operating system feature");
        _osVersion = Text("--os-version", null, "string", "Set operating system version");
        _variant = Text("--variant", null, "string", "Set architecture variant");
    }

    public override Completes Completes => Completes.Images;

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        ImmutableArray<string>? features = invocation.Value(_osFeatures) is { Length: > 0 } words
            ? [.. words.SelectMany(word => word.Split(',', StringSplitOptions.RemoveEmptyEntries))]
            : null;
        var change = new PlatformChange(
            invocation.Value(_os), invocation.Value(_architecture), invocation.Value(_variant), invocation.Value(_osVersion), features);
        await engine.Manifests.AnnotateAsync(
            ImageReference.Parse(invocation.Arguments[0]), invocation.Arguments[1], change, AnnotationsOf(invocation), cancellationToken);
        return ExitCodes.Success;
    }

    private Dictionary<string, string> AnnotationsOf(Invocation invocation)
    {
        var annotations = new Dictionary<string, string>();
        foreach (string text in invocation.Value(_annotations) ?? [])
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw invocation.Misuse($"invalid argument \"{Printable.Of(text)}\" for \"--annotation\" flag: expected KEY=VALUE");
            }

            annotations[text[..equals]] = text[(equals + 1)..];
        }

        return annotations;
    }
}
