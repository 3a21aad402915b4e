using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Rendering;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Cli.Commands;

/// <summary><c>mica manifest inspect</c>.</summary>
internal sealed class ManifestInspectCommand : EngineCommand
{
    private readonly Option<bool> _remote;
    private readonly Option<bool> _verbose;

    public ManifestInspectCommand()
        : base("[OPTIONS] MANIFEST", "Display an image manifest, or manifest list", ArgumentCount.Exactly(1))
    {
        _remote = Flag("--remote", null, "Ask the registry, even if the store has the image");
        _verbose = Flag("--verbose", "-v", "Output the name and the descriptor too");
        AddInsecure();
    }

    public override string Remarks => "Shows the document of the store, or of the registry if the store has none, exactly as it is.";

    public override Completes Completes => Completes.Images;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica manifest inspect --remote debian:trixie", "which platforms there are"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        (Descriptor descriptor, ReadOnlyMemory<byte> content) = await ReadAsync(engine, invocation, cancellationToken);
        invocation.Output.Write(invocation.Value(_verbose)
            ? ManifestText.WithDescriptor(invocation.Arguments[0], descriptor, content)
            : ManifestText.Plain(content));
        return ExitCodes.Success;
    }

    private async Task<(Descriptor Descriptor, ReadOnlyMemory<byte> Content)> ReadAsync(
        Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        string name = invocation.Arguments[0];
        if (!invocation.Value(_remote) && await engine.Store.FindAsync(name, cancellationToken) is { } stored)
        {
            return (stored.Root, await engine.Store.ReadDocumentAsync(stored.Root, cancellationToken));
        }

        ImageReference reference = ImageReference.Parse(name).WithDefaultTag();
        FetchedManifest fetched = await engine.Registry.Repository(reference, progress: null).FetchManifestAsync(reference.Target, cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, $"no such manifest: {reference.Familiar}");
        return (fetched.Descriptor, fetched.Content);
    }
}
