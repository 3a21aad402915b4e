using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Mica.Cli.CommandLine;
using Mica.RegistryServer;

namespace Mica.Cli.Registries;

/// <summary><c>mica registry events ls</c>: a CloudEvent a line, or a table.</summary>
internal sealed class RegistryEventsCommand : RegistryDataCommand
{
    private readonly Option<bool> _json;
    private readonly Option<string?> _last;
    private readonly Option<string?> _repository;

    public RegistryEventsCommand()
        : base("[OPTIONS]", "List what happened in a registry, newest first", ArgumentCount.None)
    {
        _json = Flag("--json", null, "Print the CloudEvents, one a line");
        _last = Text("--last", "-n", "count", "So many at most (default 50)");
        _repository = Text("--repository", null, "name", "Only of this repository");
    }

    protected override async Task<int> RunAsync(RegistryData data, Invocation invocation, CancellationToken cancellationToken)
    {
        int count = invocation.Value(_last) is not { } last ? 50
            : int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0 ? number
            : throw invocation.Misuse($"invalid argument \"{last}\" for \"--last\" flag: not a number");
        ImmutableArray<RegistryEvent> events = await data.EventsAsync(invocation.Value(_repository), count, cancellationToken);
        if (invocation.Value(_json))
        {
            foreach (RegistryEvent one in events)
            {
                invocation.Output.Write($"{one.Body}\n");
            }

            return ExitCodes.Success;
        }

        invocation.Output.Write($"{"ID",-8} {"TIME",-20} {"KIND",-6} {"WAITING",-7} REPOSITORY\n");
        foreach (RegistryEvent one in events)
        {
            string time = one.Time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
            invocation.Output.Write($"{one.Id,-8} {time,-20} {one.Kind,-6} {one.Waiting,-7} {one.Repository}\n");
        }

        return ExitCodes.Success;
    }
}

/// <summary><c>mica registry events replay</c>.</summary>
internal sealed class RegistryReplayCommand : RegistryDataCommand
{
    private readonly Option<string?> _after;

    public RegistryReplayCommand()
        : base("[OPTIONS] [ID...]", "Send events to the receivers of the configuration once more", ArgumentCount.Any) =>
        _after = Text("--after", null, "id", "All events behind this one");

    public override string Remarks => "The registry that is running sends them; a receiver knows an event that it has had by its id.";

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
        [("mica registry events replay --config registry.yaml --after 1200", "what a receiver has lost")];

    protected override async Task<int> RunAsync(RegistryData data, Invocation invocation, CancellationToken cancellationToken)
    {
        string? after = invocation.Value(_after);
        if ((after is null) == (invocation.Arguments.Length == 0))
        {
            throw invocation.Misuse("give the ids of events, or --after");
        }

        if (after is not null)
        {
            invocation.Output.Write($"Queued {await data.ReplayAfterAsync(ParseId(invocation, after), cancellationToken)} events\n");
            return ExitCodes.Success;
        }

        return await invocation.ForEachArgumentAsync(async argument =>
        {
            int receivers = await data.ReplayAsync(ParseId(invocation, argument), cancellationToken);
            invocation.Output.Write($"Queued event {argument} for {receivers} receivers\n");
        });
    }

    private static long ParseId(Invocation invocation, string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long id) ? id : throw invocation.Misuse($"{text}: not an event's id");
}
