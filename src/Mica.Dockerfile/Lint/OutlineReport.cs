using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>An argument that a build of the target takes.</summary>
public sealed record OutlineArgument(string Name, string? Value, string? Description, LineRange Lines);

/// <summary>A secret or agent that a build of the target mounts.</summary>
public sealed record OutlineMount(string Name, bool Required, LineRange Lines);

/// <summary>What <c>--call=outline</c> prints: what one target and the stages it needs can be given.</summary>
public sealed record OutlineReport(SourceText Source, string? Name, string? Description)
{
    /// <summary>In the order of the file.</summary>
    public ImmutableArray<OutlineArgument> Arguments { get; init; } = [];

    /// <summary>Secrets by id.</summary>
    public ImmutableArray<OutlineMount> Secrets { get; init; } = [];

    /// <summary>Agents by id.</summary>
    public ImmutableArray<OutlineMount> Agents { get; init; } = [];

    /// <summary>Ids of cache mounts.</summary>
    public ImmutableArray<OutlineMount> Caches { get; init; } = [];

    /// <summary>The tables.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        if (Name is not null || Description is not null)
        {
            TextTable head = new TextTable(gap: 2).Add("TARGET:", Name ?? "(default)");
            if (Description is not null)
            {
                head.Add("DESCRIPTION:", Printable.Of(Description));
            }

            text.Append(head).Append('\n');
        }

        if (!Arguments.IsEmpty)
        {
            TextTable table = new TextTable(gap: 3).Add("BUILD ARG", "VALUE", "DESCRIPTION");
            foreach (OutlineArgument argument in Arguments)
            {
                table.Add(Printable.Of(argument.Name), Printable.Of(argument.Value), Printable.Of(argument.Description));
            }

            text.Append(table).Append('\n');
        }

        Mounts("SECRET", Secrets);
        Mounts("SSH", Agents);
        return text.ToString();

        void Mounts(string title, ImmutableArray<OutlineMount> mounts)
        {
            if (!mounts.IsEmpty)
            {
                TextTable table = new TextTable(gap: 3).Add(title, "REQUIRED");
                foreach (OutlineMount mount in mounts)
                {
                    table.Add(Printable.Of(mount.Name), mount.Required ? "true" : "");
                }

                text.Append(table).Append('\n');
            }
        }
    }

    /// <summary>The document of <c>--call=outline,format=json</c>.</summary>
    public string ToJson() => CallJson.Write(writer =>
    {
        CallJson.Optional(writer, "name", Name);
        CallJson.Optional(writer, "description", Description);
        if (!Arguments.IsEmpty)
        {
            writer.WriteStartArray("args");
            foreach (OutlineArgument argument in Arguments)
            {
                writer.WriteStartObject();
                writer.WriteString("name", argument.Name);
                CallJson.Optional(writer, "description", argument.Description);
                CallJson.Optional(writer, "value", argument.Value);
                CallJson.Location(writer, argument.Lines);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        WriteMounts(writer, "secrets", "name", Secrets);
        WriteMounts(writer, "ssh", "name", Agents);
        WriteMounts(writer, "cache", "ID", Caches);
        writer.WriteStartArray("sources");
        writer.WriteBase64StringValue(CallJson.SourceBytes(Source));
        writer.WriteEndArray();
    });

    private static void WriteMounts(Utf8JsonWriter writer, string section, string key, ImmutableArray<OutlineMount> mounts)
    {
        if (mounts.IsEmpty)
        {
            return;
        }

        writer.WriteStartArray(section);
        foreach (OutlineMount mount in mounts)
        {
            writer.WriteStartObject();
            writer.WriteString(key, mount.Name);
            if (mount.Required)
            {
                writer.WriteBoolean("required", true);
            }

            CallJson.Location(writer, mount.Lines);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
