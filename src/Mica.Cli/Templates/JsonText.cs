using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Mica.Cli.Templates;

/// <summary>Values as the <c>json</c> function and <c>--format json</c> write them: compact, in Go's spelling.</summary>
internal static class JsonText
{
    /// <summary><paramref name="escapesHtml"/>: <c>&lt;</c>, <c>&gt;</c> and <c>&amp;</c> become <c>\u003c</c> and so on.</summary>
    public static string Of(Value value, bool escapesHtml = false)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            Write(writer, value);
        }

        string text = Encoding.UTF8.GetString(buffer.WrittenSpan);
        return escapesHtml || value is RowValue ? EscapeHtml(text) : text;
    }

    private static void Write(Utf8JsonWriter writer, Value value)
    {
        switch (value)
        {
            case BooleanValue boolean:
                writer.WriteBooleanValue(boolean.Truth);
                break;
            case IntegerValue integer:
                writer.WriteNumberValue(integer.Number);
                break;
            case FloatValue number:
                writer.WriteRawValue(GoFormat.Float(number.Number, exponentFrom: 21));
                break;
            case TextValue text:
                writer.WriteStringValue(text.Text);
                break;
            case ListValue { IsNil: false } list:
                writer.WriteStartArray();
                foreach (Value item in list.Items)
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;
            case MapValue { Strict: true, Json: { } json }:
                // A struct has its members in the order of its declaration.
                json.WriteTo(writer);
                break;
            case MapValue { IsNil: false } map:
                WriteMembers(writer, map.Entries);
                break;
            case RowValue row:
                WriteMembers(writer, row.Columns.OrderBy(column => column.Key, StringComparer.Ordinal));
                break;
            default:
                writer.WriteNullValue();
                break;
        }
    }

    private static void WriteMembers(Utf8JsonWriter writer, IEnumerable<KeyValuePair<string, Value>> members)
    {
        writer.WriteStartObject();
        foreach ((string name, Value value) in members)
        {
            writer.WritePropertyName(name);
            Write(writer, value);
        }

        writer.WriteEndObject();
    }

    /// <summary>These three stand in JSON only inside strings, so plain replacement is safe.</summary>
    private static string EscapeHtml(string json) => json
        .Replace("<", "\\u003c", StringComparison.Ordinal)
        .Replace(">", "\\u003e", StringComparison.Ordinal)
        .Replace("&", "\\u0026", StringComparison.Ordinal);
}
