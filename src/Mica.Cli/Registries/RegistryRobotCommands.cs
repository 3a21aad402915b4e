using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Cli.Filtering;
using Mica.Cli.Rendering;
using Mica.Cli.Templates;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Access;

namespace Mica.Cli.Registries;

/// <summary><c>mica registry robot create</c>.</summary>
internal sealed class RegistryRobotCreateCommand : RegistryDataCommand
{
    private readonly Option<string?> _expires;
    private readonly Option<string[]> _repositories;
    private readonly Option<string?> _rights;

    public RegistryRobotCreateCommand()
        : base("[OPTIONS] NAME", "Let a program in by a secret of its own", ArgumentCount.Exactly(1))
    {
        _expires = Text("--expires", null, "duration", "How long it may come in, such as 90d or 12h (default: for good)");
        _repositories = Texts("--repository", null, "pattern", "Repositories that it is for, such as team/** (may be given several times)");
        _rights = Text("--rights", null, "list", "What it may do there: read, create, update, delete, or all (default read)");
    }

    public override string Remarks =>
        "Prints the secret, which is not to be had again. The robot logs in as robot+NAME. A registry that is being served knows it at once.";

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica registry robot create ci --repository 'team/**' --rights read,create --expires 90d", "may push new tags, and move none"),
    ];

    protected override async Task<int> RunAsync(RegistryData data, Invocation invocation, CancellationToken cancellationToken)
    {
        string[] repositories = invocation.Value(_repositories) ?? [];
        if (repositories.Length == 0)
        {
            throw invocation.Misuse("--repository is missing: '**' is all of them");
        }

        string secret = await data.Robots.AddAsync(
            invocation.Arguments[0],
            [.. repositories.SelectMany(text => text.Split(',', StringSplitOptions.RemoveEmptyEntries))],
            RightsText.Parse(invocation, invocation.Value(_rights) ?? "read"),
            invocation.Value(_expires) is { } text ? Lifetime(invocation, text) : null,
            cancellationToken);
        invocation.Output.Write(secret + "\n");
        return ExitCodes.Success;
    }

    private static TimeSpan Lifetime(Invocation invocation, string text)
    {
        bool isDays = text.EndsWith('d') && int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out int days) && days < 100_000;
        TimeSpan duration = isDays ? TimeSpan.FromDays(int.Parse(text[..^1], CultureInfo.InvariantCulture)) : default;
        return isDays || FilterTime.TryParseDuration(text, out duration)
            ? duration
            : throw invocation.Misuse($"invalid argument \"{Printable.Of(text)}\" for \"--expires\" flag: not a duration such as 90d or 12h");
    }
}

/// <summary><c>mica registry robot ls</c>.</summary>
internal sealed class RegistryRobotListCommand : RegistryDataCommand
{
    private static readonly Listing s_listing = new("robot",
    [
        new("CreatedAt", "CREATED AT"), new("Expires", "EXPIRES"), new("LastUsed", "LAST USED"), new("Name", "NAME"), new("Repositories", "REPOSITORIES"),
        new("Rights", "RIGHTS"),
    ])
    {
        Table = "{{.Name}}\t{{.Repositories}}\t{{.Rights}}\t{{.Expires}}\t{{.LastUsed}}",
        Quiet = "{{.Name}}",
        Raw = "name: {{.Name}}\nrepositories: {{.Repositories}}\nrights: {{.Rights}}\n",
        RawQuiet = "name: {{.Name}}",
    };

    private readonly Option<string?> _format;
    private readonly Option<bool> _quiet;

    public RegistryRobotListCommand()
        : base("[OPTIONS]", "List the programs that may come in", ArgumentCount.None)
    {
        _format = Text("--format", null, "string", FormatHelp.OfListing, choices: ["table", "json", "raw"]);
        _quiet = Flag("--quiet", "-q", "Only display names");
    }

    protected override async Task<int> RunAsync(RegistryData data, Invocation invocation, CancellationToken cancellationToken)
    {
        IEnumerable<RowValue> rows = (await data.Robots.ListAsync(cancellationToken)).Select(robot => s_listing.Row(
            Time(robot.Created),
            robot.Expires is { } expires ? (expires <= invocation.Now ? "expired" : Time(expires)) : "never",
            robot.LastUsed is { } used ? Time(used) : "never",
            robot.Name,
            string.Join(',', robot.Repositories),
            RightsText.Of(robot.Rights)));
        invocation.Output.Write(s_listing.Render(invocation.Value(_format), invocation.Value(_quiet), rows));
        return ExitCodes.Success;
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}

/// <summary><c>mica registry robot rm</c>.</summary>
internal sealed class RegistryRobotRemoveCommand() : RegistryDataCommand("[OPTIONS] NAME [NAME...]", "Let programs in no longer", ArgumentCount.AtLeast(1))
{
    public override string Remarks => "Their secrets and tokens are good for nothing from the next request on.";

    protected override Task<int> RunAsync(RegistryData data, Invocation invocation, CancellationToken cancellationToken) =>
        invocation.ForEachArgumentAsync(async name =>
        {
            await data.Robots.RemoveAsync(name, cancellationToken);
            invocation.Output.Write(name + "\n");
        });
}

/// <summary>Rights as words.</summary>
internal static class RightsText
{
    private static readonly (string Word, Rights Rights)[] s_words =
    [
        ("read", Rights.Read), ("create", Rights.Create), ("update", Rights.Update), ("delete", Rights.Delete),
    ];

    public static Rights Parse(Invocation invocation, string list) =>
        list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Aggregate(Rights.None, (sum, word) => sum | word switch
        {
            "all" => Rights.All,
            _ when Array.Find(s_words, known => known.Word == word) is { Word: not null } known => known.Rights,
            _ => throw invocation.Misuse($"invalid argument \"{Printable.Of(list)}\" for \"--rights\" flag: rights are read, create, update, delete and all"),
        });

    public static string Of(Rights rights) =>
        rights == Rights.All ? "all" : string.Join(',', s_words.Where(known => (rights & known.Rights) != 0).Select(known => known.Word));
}
