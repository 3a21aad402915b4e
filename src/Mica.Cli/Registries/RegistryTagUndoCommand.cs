using System.Collections.Immutable;
using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Hosting;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Cli.Registries;

/// <summary><c>mica registry tag undo</c>.</summary>
internal sealed class RegistryTagUndoCommand : CliCommand
{
    private readonly Option<bool> _insecure;
    private readonly Option<string?> _to;

    public RegistryTagUndoCommand()
        : base("[OPTIONS] NAME:TAG", "Let a tag stand again for what it stood for before", ArgumentCount.Exactly(1))
    {
        _insecure = Flag("--insecure", null, "Accept a registry without TLS, or with a certificate that cannot be verified");
        _to = Text("--to", null, "digest", "Let it stand for this instead, which the repository must still have");
    }

    public override string Remarks => "The way back is a move too: a second undo takes back the first. An image stays for the registry's grace time after its last tag has gone.";

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica registry tag undo 127.0.0.1:5000/app:latest", "what app:latest stood for before the last push"),
    ];

    public override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        ImageReference name = ImageReference.Parse(invocation.Arguments[0]).WithDefaultTag();
        Digest? target = invocation.Value(_to) is { } text ? Digest.Parse(text) : null;
        await using var client = new RegistryClient(RegistryAccess.Options(invocation, invocation.Value(_insecure)));
        RegistryTagMove move = await client.Repository(name, progress: null).UndoTagAsync(target, cancellationToken);
        await invocation.Output.WriteLineAsync($"{name.Familiar}: {move.To}");
        return ExitCodes.Success;
    }
}
