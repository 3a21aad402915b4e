using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Mica.Dockerfile;

/// <summary>What <c>--check</c> and <c>--call=check</c> print.</summary>
/// <param name="Source">The checked file.</param>
/// <param name="Result">What was found.</param>
public sealed record CheckReport(SourceText Source, LintResult Result)
{
    /// <summary>Each warning with its rule's page and the lines; empty when there is none.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        foreach (LintWarning warning in Result.Warnings)
        {
            string page = warning.Rule.Url is { } url ? " - " + url : "";
            text.Append(CultureInfo.InvariantCulture, $"\nWARNING: {warning.Rule.Name}{page}\n{warning.Detail}\n");
            text.Append(Excerpt.Of(Source, warning.Lines));
        }

        return text.ToString();
    }

    /// <summary>The document of <c>--call=check,format=json</c>.</summary>
    public string ToJson() => CallJson.Write(writer =>
    {
        writer.WriteStartArray("warnings");
        foreach (LintWarning warning in Result.Warnings)
        {
            writer.WriteStartObject();
            writer.WriteString("ruleName", warning.Rule.Name);
            writer.WriteString("description", warning.Rule.Description);
            CallJson.Optional(writer, "url", warning.Rule.Url);
            writer.WriteString("detail", warning.Detail);
            CallJson.Location(writer, warning.Lines);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("sources");
        writer.WriteStartObject();
        writer.WriteString("filename", Source.FileName);
        writer.WriteString("language", "Dockerfile");
        writer.WriteBase64String("data", CallJson.SourceBytes(Source));
        writer.WriteEndObject();
        writer.WriteEndArray();
        if (Result.Failure is { } failure)
        {
            WriteError(writer, failure);
        }
    });

    private static void WriteError(Utf8JsonWriter writer, string failure)
    {
        writer.WriteStartObject("buildError");
        writer.WriteString("message", failure);
        writer.WriteEndObject();
    }
}
