using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Mica.Dockerfile;

/// <summary>Writes the documents of <c>--call … format=json</c>.</summary>
internal static class CallJson
{
    private static readonly JsonWriterOptions s_options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" };

    public static string Write(Action<Utf8JsonWriter> content)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, s_options))
        {
            writer.WriteStartObject();
            content(writer);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    /// <summary>Nothing for an empty text, as in docker's documents.</summary>
    public static void Optional(Utf8JsonWriter writer, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            writer.WriteString(name, value);
        }
    }

    public static void Location(Utf8JsonWriter writer, LineRange lines)
    {
        writer.WriteStartObject("location");
        writer.WriteStartArray("ranges");
        writer.WriteStartObject();
        Line("start", lines.Start);
        Line("end", lines.End);
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteEndObject();

        void Line(string name, int line)
        {
            writer.WriteStartObject(name);
            writer.WriteNumber("line", line);
            writer.WriteEndObject();
        }
    }

    public static byte[] SourceBytes(SourceText source) => Encoding.UTF8.GetBytes(string.Join('\n', source.Lines) + "\n");
}
