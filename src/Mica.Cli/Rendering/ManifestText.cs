using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Cli.Rendering;

/// <summary>Manifests and indexes as <c>manifest inspect</c> shows them.</summary>
internal static class ManifestText
{
    private static readonly JsonWriterOptions s_indented = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Indented = true,
        IndentCharacter = '\t',
        IndentSize = 1,
        NewLine = "\n",
    };

    /// <summary>The very bytes, so that they can be hashed; a line end is added only for eyes.</summary>
    public static string Plain(ReadOnlyMemory<byte> content)
    {
        string text = Encoding.UTF8.GetString(content.Span);
        return text.EndsWith('\n') ? text : text + "\n";
    }

    /// <summary>The document with the name that was asked for and its descriptor, indented.</summary>
    public static string WithDescriptor(string name, Descriptor descriptor, ReadOnlyMemory<byte> content)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, s_indented))
        {
            writer.WriteStartObject();
            writer.WriteString("Ref"u8, ImageReference.TryParse(name, out ImageReference? reference) ? reference.WithDefaultTag().ToString() : name);
            WriteMember(writer, "Descriptor", OciJson.Write(descriptor));
            WriteMember(writer, MediaTypes.IsIndex(descriptor.MediaType) ? "Index" : "Manifest", content);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    private static void WriteMember(Utf8JsonWriter writer, string name, ReadOnlyMemory<byte> json)
    {
        writer.WritePropertyName(name);
        using JsonDocument document = JsonDocument.Parse(json);
        document.RootElement.WriteTo(writer);
    }
}
