using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Cli.Hosting;
using Mica.Cli.Rendering;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Cli.Registries;

/// <summary><c>mica registry tag log</c>.</summary>
internal sealed class RegistryTagLogCommand : CliCommand
{
    private static readonly Listing s_listing = new("move",
    [
        new("At", "AT"), new("From", "FROM"), new("Move", "MOVE"), new("Since", "WHEN"), new("Tag", "TAG"), new("To", "TO"), new("Who", "BY"),
    ])
    {
        Table = "{{.Move}}\t{{.Tag}}\t{{.Since}}\t{{.Who}}\t{{.From}}\t{{.To}}",
    };

    private readonly Option<string?> _format;
    private readonly Option<bool> _full;
    private readonly Option<bool> _insecure;

    public RegistryTagLogCommand()
        : base("[OPTIONS] NAME[:TAG]", "Show every move of a tag, or of all tags of a repository, newest first", ArgumentCount.Exactly(1))
    {
        _format = Text("--format", null, "string", FormatHelp.OfListing, choices: ["table", "json"]);
        _full = Flag("--no-trunc", null, "Don't truncate output");
        _insecure = Flag("--insecure", null, "Accept a registry without TLS, or with a certificate that cannot be verified");
    }

    public override string Remarks => "The registry has to be mica's: others keep no journal of tags.";

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica registry tag log 127.0.0.1:5000/app:latest", "who moved it, when, from what to what"),
    ];

    public override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        await using var client = new RegistryClient(RegistryAccess.Options(invocation, invocation.Value(_insecure)));
        RegistryRepository repository = client.Repository(ImageReference.Parse(invocation.Arguments[0]), progress: null);
        var moves = new List<RegistryTagMove>();
        await foreach (RegistryTagMove move in repository.JournalAsync(cancellationToken))
        {
            moves.Add(move);
        }

        invocation.Output.Write(s_listing.Render(invocation.Value(_format), quiet: false, moves.Select(move => s_listing.Row(
            HumanTime.Rfc3339Nano(move.At),
            Shown(move.From),
            move.Move.ToString(CultureInfo.InvariantCulture),
            HumanTime.Since(move.At, invocation.Now),
            move.Tag,
            Shown(move.To),
            Printable.Of(move.Who)))));
        return ExitCodes.Success;

        string Shown(Digest? digest) => digest is not { } value ? ImageTable.None : invocation.Value(_full) ? value.ToString() : value.Short;
    }
}
