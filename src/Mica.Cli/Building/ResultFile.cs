using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Building;

/// <summary>The files that tell scripts what a build made.</summary>
internal static class ResultFile
{
    public static async Task WriteAsync(string path, string content, CancellationToken cancellationToken)
    {
        try
        {
            await File.WriteAllTextAsync(path, content, cancellationToken);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.Failed, $"{Printable.Of(path)}: {Printable.Of(failure.Message)}", failure);
        }
    }

    /// <summary>The document of <c>--metadata-file</c>, with buildx's keys.</summary>
    public static string Metadata(BuiltImage built, ImmutableArray<ImageReference> names)
    {
        Descriptor root = built.Pushed ?? built.Root;
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            WriteProvenance(writer, built.Platforms);
            writer.WriteString("containerimage.config.digest", built.Id.ToString());
            writer.WriteStartObject("containerimage.descriptor");
            writer.WriteString("mediaType", root.MediaType);
            writer.WriteString("digest", root.Digest.ToString());
            writer.WriteNumber("size", root.Size);
            writer.WriteEndObject();
            writer.WriteString("containerimage.digest", root.Digest.ToString());
            if (!names.IsEmpty)
            {
                writer.WriteString("image.name", string.Join(',', names));
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    private static void WriteProvenance(Utf8JsonWriter writer, ImmutableArray<BuiltPlatform> platforms)
    {
        foreach (BuiltPlatform platform in platforms)
        {
            if (platform.Result.Provenance is { } provenance)
            {
                writer.WritePropertyName(platforms.Length == 1 ? "buildx.build.provenance" : $"buildx.build.provenance/{platform.Platform}");
                using JsonDocument predicate = JsonDocument.Parse(provenance.Predicate);
                predicate.RootElement.WriteTo(writer);
            }
        }
    }
}
