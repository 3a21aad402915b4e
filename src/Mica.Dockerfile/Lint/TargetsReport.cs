using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>A stage as <c>--call=targets</c> lists it.</summary>
/// <param name="Name">Null when it has none.</param>
/// <param name="IsDefault">Whether it is what a build without <c>--target</c> makes.</param>
/// <param name="Description">From the comment above; null when there is none.</param>
/// <param name="Base">As written in FROM.</param>
/// <param name="Platform">As written; null when not given.</param>
/// <param name="Lines">The FROM.</param>
public sealed record TargetEntry(string? Name, bool IsDefault, string? Description, string Base, string? Platform, LineRange Lines);

/// <summary>What <c>--call=targets</c> prints.</summary>
public sealed record TargetsReport(SourceText Source, ImmutableArray<TargetEntry> Targets)
{
    /// <summary>The stages of a document.</summary>
    public static TargetsReport Of(DockerfileDocument document) => new(document.Source,
    [
        .. document.Stages.Select(stage => new TargetEntry(
            stage.Name, stage.Index == document.Stages.Length - 1, stage.Description, stage.From.BaseName, stage.From.Platform, stage.From.Lines)),
    ]);

    /// <summary>The table.</summary>
    public string ToText()
    {
        TextTable table = new TextTable(gap: 3).Add("TARGET", "DESCRIPTION");
        foreach (TargetEntry target in Targets)
        {
            string name = target switch
            {
                { IsDefault: true, Name: null } => "(default)",
                { IsDefault: true } => target.Name + " (default)",
                _ => target.Name ?? "",
            };
            table.Add(name, Printable.Of(target.Description));
        }

        return table.ToString();
    }

    /// <summary>The document of <c>--call=targets,format=json</c>.</summary>
    public string ToJson() => CallJson.Write(writer =>
    {
        writer.WriteStartArray("targets");
        foreach (TargetEntry target in Targets)
        {
            writer.WriteStartObject();
            CallJson.Optional(writer, "name", target.Name);
            if (target.IsDefault)
            {
                writer.WriteBoolean("default", true);
            }

            CallJson.Optional(writer, "description", target.Description);
            CallJson.Optional(writer, "base", target.Base);
            CallJson.Optional(writer, "platform", target.Platform);
            CallJson.Location(writer, target.Lines);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("sources");
        writer.WriteBase64StringValue(CallJson.SourceBytes(Source));
        writer.WriteEndArray();
    });
}
