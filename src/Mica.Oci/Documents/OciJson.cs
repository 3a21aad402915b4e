using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Mica.Oci;

/// <summary>
/// JSON of the image documents: duplicate keys, nulls and missing required members are errors, unknown members are ignored, and
/// what we write is compact with <c>+</c> left as it is (media types), so that digests are those other tools compute.
/// </summary>
[JsonSourceGenerationOptions(
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    Converters = [typeof(DigestConverter), typeof(Base64Converter), typeof(TextsConverter), typeof(TextMapConverter)])]
[JsonSerializable(typeof(Descriptor))]
[JsonSerializable(typeof(ImageManifest))]
[JsonSerializable(typeof(ImageIndex))]
[JsonSerializable(typeof(ImageConfig))]
internal sealed partial class OciJsonContext : JsonSerializerContext
{
    /// <summary>The context with the options that an attribute cannot express.</summary>
    public static OciJsonContext Strict { get; } = new(new JsonSerializerOptions
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        Converters = { new DigestConverter(), new Base64Converter(), new TextsConverter(), new TextMapConverter() },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        AllowDuplicateProperties = false,
        MaxDepth = 32,
    });
}

/// <summary>Parsing and writing of image documents with errors that name the document.</summary>
public static class OciJson
{
    internal static T Parse<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type, string what)
        where T : class
    {
        try
        {
            CheckNames(json);
            return JsonSerializer.Deserialize(json, type)
                ?? throw new MicaException(ErrorKind.ContentMismatch, $"{what} is null, not an object");
        }
        catch (JsonException error)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{what} is malformed: {Printable.Of(FirstSentence(error))}", error);
        }
    }

    internal static byte[] Write<T>(T document, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(document, type);

    /// <summary>A descriptor as JSON, as it stands in an <c>index.json</c>.</summary>
    public static byte[] Write(Descriptor descriptor) => Write(descriptor, OciJsonContext.Strict.Descriptor);

    /// <summary>Reads one descriptor.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: not a descriptor.</exception>
    public static Descriptor ParseDescriptor(ReadOnlySpan<byte> json) => Parse(json, OciJsonContext.Strict.Descriptor, "descriptor");

    /// <summary>Decodes every name and string in <paramref name="element"/>: what is wrong with one shows only then.</summary>
    /// <param name="element">The JSON.</param>
    /// <param name="what">The name of the document, for the message.</param>
    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: half a surrogate pair, or bytes that are not UTF-8.</exception>
    public static void CheckTexts(JsonElement element, string what)
    {
        try
        {
            Decode(element);
        }
        catch (InvalidOperationException error)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{what} is malformed: a string in it is not Unicode text", error);
        }
    }

    /// <summary>
    /// Refuses what would spoil the serializer for the documents that come after. For all documents of a process it keeps a table of
    /// names that it has met, those it does not know too, and finds a name of up to 7 bytes in it by these and the lowest byte of the
    /// length. After <c>history</c> with 256 more characters, which is no member, <c>history</c> is none either; so with <c>User</c>,
    /// and then a container runs as root. .NET 10.
    /// </summary>
    /// <exception cref="JsonException">There is such a name, or the JSON is malformed.</exception>
    public static void CheckNames(ReadOnlySpan<byte> json)
    {
        const int Longest = 7, Wrap = 256;

        var reader = new Utf8JsonReader(json);
        while (json.Length > Wrap && reader.Read())
        {
            // How long an escaped name is after all does not matter: nobody needs one.
            int length = reader.TokenType == JsonTokenType.PropertyName ? reader.ValueSpan.Length : 0;
            if (length >= Wrap && (reader.ValueIsEscaped || length % Wrap <= Longest))
            {
                throw new JsonException($"the name of a member has {length} bytes, which is not supported");
            }
        }
    }

    private static void Decode(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                _ = element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                {
                    Decode(item);
                }

                break;
            case JsonValueKind.Object:
                foreach (JsonProperty member in element.EnumerateObject())
                {
                    _ = member.Name;
                    Decode(member.Value);
                }

                break;
        }
    }

    private static string FirstSentence(JsonException error)
    {
        // The serializer appends the path and a remark about escapes; the first sentence says what is wrong.
        string text = error.Message;
        int end = text.IndexOf(" Path: ", StringComparison.Ordinal);
        return error.Path is { Length: > 1 } path && end > 0 ? $"{text[..end]} ({path})" : end > 0 ? text[..end] : text;
    }
}

/// <summary>A digest as text.</summary>
public sealed class DigestConverter : JsonConverter<Digest>
{
    /// <inheritdoc/>
    public override Digest Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        string? text = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
        return Digest.TryParse(text, out Digest digest)
            ? digest
            : throw new JsonException($"not a sha256 or sha512 digest: \"{Printable.Of(text)}\"");
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Digest value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}

internal sealed class Base64Converter : JsonConverter<ReadOnlyMemory<byte>>
{
    public override ReadOnlyMemory<byte> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TryGetBytesFromBase64(out byte[]? bytes) ? bytes : throw new JsonException("data is not base64");

    public override void Write(Utf8JsonWriter writer, ReadOnlyMemory<byte> value, JsonSerializerOptions options) =>
        writer.WriteBase64StringValue(value.Span);
}

/// <summary>Reads <c>null</c> as an empty array: Go writes a nil slice so.</summary>
internal sealed class EmptyWhenNullConverter<T> : JsonConverter<ImmutableArray<T>>
{
    public override bool HandleNull => true;

    public override ImmutableArray<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return [];
        }

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new JsonException("expected an array");
        }

        var type = (JsonTypeInfo<T>)options.GetTypeInfo(typeof(T));
        ImmutableArray<T>.Builder items = ImmutableArray.CreateBuilder<T>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            items.Add(JsonSerializer.Deserialize(ref reader, type) ?? throw new JsonException("null inside an array"));
        }

        return items.ToImmutable();
    }

    public override void Write(Utf8JsonWriter writer, ImmutableArray<T> value, JsonSerializerOptions options)
    {
        var type = (JsonTypeInfo<T>)options.GetTypeInfo(typeof(T));
        writer.WriteStartArray();
        foreach (T item in value.IsDefault ? [] : value)
        {
            JsonSerializer.Serialize(writer, item, type);
        }

        writer.WriteEndArray();
    }
}

/// <summary>Strings without a null among them, which a list of strings has no room for.</summary>
internal sealed class TextsConverter : JsonConverter<ImmutableArray<string>>
{
    public override ImmutableArray<string> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new JsonException("expected an array of strings");
        }

        ImmutableArray<string>.Builder texts = ImmutableArray.CreateBuilder<string>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            texts.Add(reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException("expected an array of strings"));
        }

        return texts.ToImmutable();
    }

    public override void Write(Utf8JsonWriter writer, ImmutableArray<string> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (string text in value.IsDefault ? [] : value)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }
}

/// <summary>Annotations and labels: strings by unique names. A null is an empty string, as it is to Go, in which most are written.</summary>
internal sealed class TextMapConverter : JsonConverter<ImmutableSortedDictionary<string, string>>
{
    public override ImmutableSortedDictionary<string, string> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("expected an object with strings");
        }

        ImmutableSortedDictionary<string, string>.Builder texts = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            string text = reader.TokenType switch
            {
                JsonTokenType.String => reader.GetString()!,
                JsonTokenType.Null => "",
                _ => throw new JsonException($"expected a string at \"{Printable.Of(name)}\""),
            };
            if (!texts.TryAdd(name, text))
            {
                throw new JsonException($"\"{Printable.Of(name)}\" stands twice in an object");
            }
        }

        return texts.ToImmutable();
    }

    public override void Write(Utf8JsonWriter writer, ImmutableSortedDictionary<string, string> value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach ((string name, string text) in value)
        {
            writer.WriteString(name, text);
        }

        writer.WriteEndObject();
    }
}
