using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Mica.Oci;

namespace Mica.RegistryServer.Blobs;

/// <summary>Where the bytes of an upload to S3 are: in the parts of a multipart upload, and what is behind them in an object.</summary>
internal sealed record S3UploadState
{
    public const int MaxParts = 10_000;

    /// <summary>The key of the blob to come; null as long as there are no parts.</summary>
    public string? Key { get; init; }

    /// <summary>What the store calls the multipart upload.</summary>
    public string? Multipart { get; init; }

    /// <summary>The entity tags of the parts, in order.</summary>
    public ImmutableArray<string> Parts { get; init; } = [];

    /// <summary>The key of the object with the bytes behind the parts; null for none.</summary>
    public string? Tail { get; init; }

    /// <summary>How many bytes that has.</summary>
    public int TailSize { get; init; }

    /// <summary>The tail before it, which nothing leads to any more.</summary>
    public string? Old { get; init; }

    /// <summary>The last part is short, so there can be none behind it.</summary>
    public bool IsClosed { get; init; }

    public static S3UploadState Parse(string? json)
    {
        if (json is null)
        {
            return new S3UploadState();
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            return new S3UploadState
            {
                Key = Text(root, "key"),
                Multipart = Text(root, "multipart"),
                Parts = root.TryGetProperty("parts", out JsonElement parts) ? [.. parts.EnumerateArray().Select(part => part.GetString()!)] : [],
                Tail = Text(root, "tail"),
                TailSize = root.TryGetProperty("tailSize", out JsonElement size) ? size.GetInt32() : 0,
                Old = Text(root, "old"),
                IsClosed = root.TryGetProperty("closed", out _),
            };
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            throw new MicaException(ErrorKind.Internal, "the state of an upload is damaged", error);
        }
    }

    public override string ToString()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            Write(writer, "key", Key);
            Write(writer, "multipart", Multipart);
            if (Parts.Length > 0)
            {
                writer.WriteStartArray("parts");
                foreach (string tag in Parts)
                {
                    writer.WriteStringValue(tag);
                }

                writer.WriteEndArray();
            }

            Write(writer, "tail", Tail);
            if (Tail is not null)
            {
                writer.WriteNumber("tailSize", TailSize);
            }

            Write(writer, "old", Old);
            if (IsClosed)
            {
                writer.WriteBoolean("closed", true);
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null)
        {
            writer.WriteString(name, value);
        }
    }

    private static string? Text(JsonElement root, string name) => root.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;
}
