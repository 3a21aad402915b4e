using System.Collections.Immutable;
using System.CommandLine;
using System.Text;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Cli.Filtering;
using Mica.Engine;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Cli.Containers;

/// <summary><c>mica logs</c>.</summary>
internal sealed class LogsCommand : EngineCommand
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(50);

    private readonly Option<bool> _details;
    private readonly Option<bool> _follow;
    private readonly Option<string?> _since;
    private readonly Option<string?> _tail;
    private readonly Option<bool> _timestamps;
    private readonly Option<string?> _until;

    public LogsCommand()
        : base("[OPTIONS] CONTAINER", "Fetch the logs of a container", ArgumentCount.Exactly(1))
    {
        _details = Flag("--details", null, "Show extra details provided to logs");
        _follow = Flag("--follow", "-f", "Follow log output");
        _since = Text("--since", null, "string", "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)");
        _tail = Text("--tail", "-n", "string", "Number of lines to show from the end of the logs (default all)");
        _timestamps = Flag("--timestamps", "-t", "Show timestamps");
        _until = Text("--until", null, "string", "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)");
    }

    public override Completes Completes => Completes.Containers;

    public override UserNamespaceUse UserNamespace => UserNamespaceUse.ForContainers;

    public override bool StopsInGoodOrder => true;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica logs -f --tail 20 web", "the end, and what comes"),
        ("mica logs --since 10m -t web", "the last ten minutes"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        Container container = await engine.Containers.GetAsync(invocation.Arguments[0], cancellationToken);
        DateTimeOffset? since = Time(invocation, _since), until = Time(invocation, _until);
        using ContainerLog log = Engine.Containers.OpenLog(container);
        string tail = invocation.Value(_tail) ?? "all";
        if (tail != "all" && int.TryParse(tail, out int lines) && lines >= 0)
        {
            log.SeekToTail(lines);
        }

        using Stream output = invocation.Host.OpenOutput(), errors = invocation.Host.OpenError();
        var partial = new Dictionary<bool, bool>();
        bool ended = !invocation.Value(_follow);
        while (true)
        {
            while (log.Read() is { } piece)
            {
                if (until is not null && piece.At > until)
                {
                    return ExitCodes.Success;
                }

                if (since is null || piece.At >= since)
                {
                    Show(piece, piece.IsError ? errors : output, partial, invocation.Value(_timestamps), container, invocation.Value(_details));
                }
            }

            if (ended || (until is not null && invocation.Now > until))
            {
                return ExitCodes.Success;
            }

            // Once more after the end, for what came just before it.
            ended = await HasEndedAsync(engine, container.Id, cancellationToken);
            if (!ended)
            {
                await Task.Delay(s_poll, invocation.Host.Time, cancellationToken);
            }
        }
    }

    private static async Task<bool> HasEndedAsync(Engine.Engine engine, string id, CancellationToken cancellationToken)
    {
        try
        {
            ContainerStatus status = (await engine.Containers.GetAsync(id, cancellationToken)).State.Status;
            return status is ContainerStatus.Exited or ContainerStatus.Created;
        }
        catch (MicaException gone) when (gone.Kind == ErrorKind.NotFound)
        {
            return true;
        }
    }

    private static void Show(LogPiece piece, Stream to, Dictionary<bool, bool> partial, bool timestamps, Container container, bool details)
    {
        bool goesOn = partial.GetValueOrDefault(piece.IsError);
        partial[piece.IsError] = piece.IsPartial;
        string prefix = goesOn ? "" : (timestamps ? piece.Time + " " : "")
            + (details ? string.Join(',', container.Definition.Labels.Select(label => $"{label.Key}={label.Value}")) + " " : "");
        if (prefix.Length > 0)
        {
            to.Write(Encoding.UTF8.GetBytes(prefix));
        }

        to.Write(piece.Content.Span);
    }

    private static DateTimeOffset? Time(Invocation invocation, Option<string?> option) =>
        invocation.Value(option) is { Length: > 0 } text ? FilterTime.Parse(text, invocation.Now) : null;
}
