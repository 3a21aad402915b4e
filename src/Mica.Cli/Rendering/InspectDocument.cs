using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Cli.Rendering;

/// <summary>
/// An image as docker's <c>inspect</c> shows it. Members that an image does not have are there with their empty value, so
/// that templates that ask for them find what they find with docker.
/// </summary>
internal static class InspectDocument
{
    private const string NoTime = "0001-01-01T00:00:00Z";

    /// <summary>The JSON of one image. <paramref name="layers"/>: with the layers' digests and sizes, which docker does not show.</summary>
    public static byte[] Of(InspectedImage image, bool layers)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Options(indented: false)))
        {
            Write(writer, image, layers);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The documents as one array: four blanks deep, or on one line.</summary>
    public static string Array(IEnumerable<byte[]> documents, bool indented)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Options(indented)))
        {
            writer.WriteStartArray();
            foreach (byte[] document in documents)
            {
                using JsonDocument parsed = JsonDocument.Parse(document);
                parsed.RootElement.WriteTo(writer);
            }

            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    private static JsonWriterOptions Options(bool indented) => new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Indented = indented,
        IndentSize = 4,
        NewLine = "\n",
    };

    private static void Write(Utf8JsonWriter writer, InspectedImage image, bool layers)
    {
        ImageConfig config = image.Config;
        writer.WriteStartObject();
        writer.WriteString("Id"u8, image.Id.ToString());
        WriteStrings(writer, "RepoTags", image.Tags);
        WriteStrings(writer, "RepoDigests", image.RepositoryDigests);
        writer.WriteString("Parent"u8, "");
        writer.WriteString("Comment"u8, config.Comment ?? config.History.LastOrDefault()?.Comment ?? "");
        writer.WriteString("Created"u8, config.Created ?? NoTime);
        writer.WriteString("DockerVersion"u8, config.DockerVersion ?? "");
        writer.WriteString("Author"u8, config.Author ?? "");
        WriteConfig(writer, config.Config ?? new ContainerConfig());
        writer.WriteString("Architecture"u8, config.Architecture ?? "");
        writer.WriteString("Variant"u8, config.Variant ?? "");
        writer.WriteString("Os"u8, config.Os ?? "");
        writer.WriteString("OsVersion"u8, config.OsVersion ?? "");
        writer.WriteNumber("Size"u8, image.Layers.Sum(layer => layer.Size));
        WriteDirectories(writer, image.Layers);
        writer.WriteStartObject("RootFS"u8);
        writer.WriteString("Type"u8, config.RootFs.Type);
        WriteStrings(writer, "Layers", [.. config.RootFs.DiffIds.Select(diffId => diffId.ToString())]);
        writer.WriteEndObject();
        writer.WriteStartObject("Metadata"u8);
        writer.WriteString("LastTagTime"u8, image.Tagged is { } time ? HumanTime.Rfc3339Nano(time) : NoTime);
        writer.WriteEndObject();
        writer.WritePropertyName("Descriptor"u8);
        writer.WriteRawValue(OciJson.Write(image.Root));
        if (layers)
        {
            WriteLayers(writer, image.Layers);
        }

        writer.WriteEndObject();
    }

    private static void WriteConfig(Utf8JsonWriter writer, ContainerConfig config)
    {
        writer.WriteStartObject("Config"u8);
        writer.WriteString("User"u8, config.User ?? "");
        WriteSet(writer, "ExposedPorts", config.ExposedPorts);
        WriteStrings(writer, "Env", config.Env);
        WriteStrings(writer, "Cmd", config.Cmd);
        WriteHealthcheck(writer, config.Healthcheck);
        if (config.ArgsEscaped is { } escaped)
        {
            writer.WriteBoolean("ArgsEscaped"u8, escaped);
        }

        WriteSet(writer, "Volumes", config.Volumes);
        writer.WriteString("WorkingDir"u8, config.WorkingDir ?? "");
        WriteStrings(writer, "Entrypoint", config.Entrypoint);
        WriteStrings(writer, "OnBuild", config.OnBuild);
        WriteLabels(writer, config.Labels);
        writer.WriteString("StopSignal"u8, config.StopSignal ?? "");
        if (config.StopTimeout is { } timeout)
        {
            writer.WriteNumber("StopTimeout"u8, timeout);
        }

        WriteStrings(writer, "Shell", config.Shell);
        foreach ((string name, JsonElement value) in config.Other ?? [])
        {
            writer.WritePropertyName(name);
            value.WriteTo(writer);
        }

        writer.WriteEndObject();
    }

    private static void WriteHealthcheck(Utf8JsonWriter writer, Healthcheck? check)
    {
        if (check is null)
        {
            writer.WriteNull("Healthcheck"u8);
            return;
        }

        writer.WriteStartObject("Healthcheck"u8);
        WriteStrings(writer, "Test", check.Test);
        WriteNumber(writer, "Interval", check.Interval);
        WriteNumber(writer, "Timeout", check.Timeout);
        WriteNumber(writer, "StartPeriod", check.StartPeriod);
        WriteNumber(writer, "StartInterval", check.StartInterval);
        WriteNumber(writer, "Retries", check.Retries);
        writer.WriteEndObject();
    }

    /// <summary>The unpacked trees, in the words of docker's overlay driver: the top layer is the upper one, the others follow it.</summary>
    private static void WriteDirectories(Utf8JsonWriter writer, ImmutableArray<InspectedLayer> layers)
    {
        writer.WriteStartObject("GraphDriver"u8);
        string?[] directories = [.. layers.Reverse().Select(layer => layer.Directory)];
        if (directories.Length == 0 || directories.Contains(null))
        {
            writer.WriteNull("Data"u8);
        }
        else
        {
            writer.WriteStartObject("Data"u8);
            if (directories.Length > 1)
            {
                writer.WriteString("LowerDir"u8, string.Join(':', directories[1..]));
            }

            writer.WriteString("UpperDir"u8, directories[0]);
            writer.WriteEndObject();
        }

        writer.WriteString("Name"u8, "overlayfs");
        writer.WriteEndObject();
    }

    private static void WriteLayers(Utf8JsonWriter writer, ImmutableArray<InspectedLayer> layers)
    {
        writer.WriteStartArray("Layers"u8);
        foreach (InspectedLayer layer in layers)
        {
            writer.WriteStartObject();
            writer.WriteString("Digest"u8, layer.Blob.Digest.ToString());
            writer.WriteString("MediaType"u8, layer.Blob.MediaType);
            writer.WriteString("DiffID"u8, layer.DiffId.ToString());
            writer.WriteNumber("Size"u8, layer.Blob.Size);
            WriteNumber(writer, "UnpackedSize", layer.UnpackedSize);
            WriteStrings(writer, "SharedWith", [.. layer.SharedWith.Select(root => root.ToString())]);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteStrings(Utf8JsonWriter writer, string name, ImmutableArray<string>? items)
    {
        if (items is not { IsDefault: false } list)
        {
            writer.WriteNull(name);
            return;
        }

        writer.WriteStartArray(name);
        foreach (string item in list)
        {
            writer.WriteStringValue(item);
        }

        writer.WriteEndArray();
    }

    private static void WriteSet(Utf8JsonWriter writer, string name, ImmutableSortedDictionary<string, EmptyObject>? set)
    {
        if (set is null)
        {
            writer.WriteNull(name);
            return;
        }

        writer.WriteStartObject(name);
        foreach (string key in set.Keys)
        {
            writer.WriteStartObject(key);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static void WriteLabels(Utf8JsonWriter writer, ImmutableSortedDictionary<string, string>? labels)
    {
        if (labels is null)
        {
            writer.WriteNull("Labels"u8);
            return;
        }

        writer.WriteStartObject("Labels"u8);
        foreach ((string key, string value) in labels)
        {
            writer.WriteString(key, value);
        }

        writer.WriteEndObject();
    }

    private static void WriteNumber(Utf8JsonWriter writer, string name, long? number)
    {
        if (number is { } value)
        {
            writer.WriteNumber(name, value);
        }
    }
}
