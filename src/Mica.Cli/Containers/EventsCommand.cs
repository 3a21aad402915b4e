using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Mica.Cli.CommandLine;
using Mica.Cli.Commands;
using Mica.Cli.Filtering;
using Mica.Cli.Rendering;
using Mica.Cli.Templates;
using Mica.Engine;

namespace Mica.Cli.Containers;

/// <summary><c>mica events</c>.</summary>
internal sealed class EventsCommand : EngineCommand
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(100);

    private readonly Option<string[]> _filters;
    private readonly Option<string?> _format;
    private readonly Option<string?> _since;
    private readonly Option<string?> _until;

    public EventsCommand()
        : base("[OPTIONS]", "Get real time events", ArgumentCount.None)
    {
        _filters = Texts("--filter", "-f", "filter", "Filter output based on conditions provided: container=, event=, image=, label=, network=, type=, volume=",
            "container=", "event=", "image=", "label=", "network=", "type=", "volume=");
        _format = Text("--format", null, "string", "Format output using a custom template: 'json' prints in JSON format, 'TEMPLATE' a Go template", choices: ["json"]);
        _since = Text("--since", null, "string", "Show all events created since timestamp");
        _until = Text("--until", null, "string", "Stream events until this timestamp");
    }

    public override bool StopsInGoodOrder => true;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica events --since 10m --until 0s", "what happened in the last ten minutes"),
        ("mica events -f container=web -f event=die", "whenever it ends"),
    ];

    protected override async Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        var filters = FilterSet.Parse(invocation, invocation.Value(_filters) ?? [], "container", "event", "image", "label", "network", "type", "volume");
        DateTimeOffset since = invocation.Value(_since) is { Length: > 0 } from ? FilterTime.Parse(from, invocation.Now) : invocation.Now;
        DateTimeOffset? until = invocation.Value(_until) is { Length: > 0 } to ? FilterTime.Parse(to, invocation.Now) : null;
        string? format = invocation.Value(_format);
        Template? template = format is null or "" ? null : Template.Parse(Listing.Unescape(format == "json" ? "{{json .}}" : format));
        long number = 0;
        while (true)
        {
            foreach ((long next, EngineEvent happened) in await engine.EventsAsync(number, cancellationToken))
            {
                number = next;
                if (happened.At >= since && (until is null || happened.At <= until) && IsWanted(filters, happened))
                {
                    invocation.Output.Write((template is null ? Line(happened) : Apply(template, happened)) + "\n");
                }
            }

            invocation.Output.Flush();
            if (until is not null && invocation.Now >= until)
            {
                return ExitCodes.Success;
            }

            await Task.Delay(s_poll, invocation.Host.Time, cancellationToken);
        }
    }

    private static string Line(EngineEvent happened)
    {
        string attributes = string.Join(", ", happened.Attributes.Select(pair => $"{pair.Key}={pair.Value}"));
        return TextTable.OneLine($"{HumanTime.Rfc3339Nano(happened.At)} {happened.Type} {happened.Action} {happened.Id} ({attributes})");
    }

    private static string Apply(Template template, EngineEvent happened)
    {
        using JsonDocument document = JsonDocument.Parse(Document(happened));
        return template.Apply(Value.Of(document.RootElement, name => name == "Attributes" ? MemberShape.Map : MemberShape.Plain));
    }

    private static byte[] Document(EngineEvent happened)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("status"u8, happened.Action);
            writer.WriteString("id"u8, happened.Id);
            writer.WriteString("Type"u8, happened.Type);
            writer.WriteString("Action"u8, happened.Action);
            writer.WriteStartObject("Actor"u8);
            writer.WriteString("ID"u8, happened.Id);
            writer.WriteStartObject("Attributes"u8);
            foreach ((string key, string value) in happened.Attributes)
            {
                writer.WriteString(key, value);
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
            writer.WriteString("scope"u8, "local");
            writer.WriteNumber("time"u8, happened.At.ToUnixTimeSeconds());
            writer.WriteNumber("timeNano"u8, (happened.At - DateTimeOffset.UnixEpoch).Ticks * 100);
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static bool IsWanted(FilterSet filters, EngineEvent happened)
    {
        bool Any(string key, Func<string, bool> matches) => !filters.All(key).Any() || filters.All(key).Any(matches);
        bool Named(string type, string wanted) => happened.Type == type
            && (happened.Id.StartsWith(wanted, StringComparison.Ordinal) || happened.Attributes.GetValueOrDefault("name") == wanted);
        return Any("type", type => type == happened.Type)
            && Any("event", action => happened.Action == action || happened.Action.StartsWith(action + ":", StringComparison.Ordinal))
            && Any("container", name => Named("container", name))
            && Any("network", name => Named("network", name))
            && Any("volume", name => Named("volume", name))
            && Any("image", image => happened.Attributes.GetValueOrDefault("image") == image)
            && filters.All("label").All(label => VolumeText.HasLabel(happened.Attributes, label));
    }
}
