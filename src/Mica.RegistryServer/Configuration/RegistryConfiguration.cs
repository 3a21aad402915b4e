using System.Text;
using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Configuration;

/// <summary>
/// The registry's configuration: one file of YAML or JSON, and environment variables above it. A variable is named after the
/// key's path, in upper case and with <c>_</c> for each dot: <c>access.tokenLifetime</c> is
/// <c>MICA_REGISTRY_ACCESS_TOKENLIFETIME</c>. For a list, a mapping or a whole section its value is JSON.
/// </summary>
public static class RegistryConfiguration
{
    /// <summary>Reads the configuration. Nothing that it names is opened.</summary>
    /// <param name="path">The file; null for none.</param>
    /// <param name="environment">The environment's variables.</param>
    /// <param name="dataDirectory">The data directory when neither says one.</param>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.NotFound"/>: there is no such file. <see cref="ErrorKind.InvalidArgument"/>: with a line for each
    /// thing that is wrong, beginning with the file and the line.
    /// </exception>
    public static RegistryServerOptions Read(string? path, Func<string, string?> environment, string dataDirectory)
    {
        string directory = Path.GetDirectoryName(Path.GetFullPath(path ?? "./none"))!;
        var reader = new SettingReader(directory, environment);
        ConfigurationNode? root = path is null ? null : ConfigurationDocument.Load(path);
        root = root is ScalarNode { IsNull: true } ? null : root;
        root = RegistrySettings.All.Overlay(root, "", reader);
        RegistryServerOptions options = root is null ? RegistrySettings.Initial : RegistrySettings.All.Read(root, "", reader);
        reader.ThrowIfFailed();
        return options.DataDirectory.Length == 0 ? options with { DataDirectory = dataDirectory } : options;
    }

    /// <summary>What the options are, all of them, as the JSON that <see cref="Read"/> takes.</summary>
    public static string Print(RegistryServerOptions options) => Json(writer => RegistrySettings.All.Write(writer, options));

    /// <summary>The JSON Schema, draft 2020-12, of the file.</summary>
    public static string Schema() => Json(static writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("$schema", "https://json-schema.org/draft/2020-12/schema");
        writer.WriteString("title", "mica registry serve --config FILE");
        RegistrySettings.All.WriteSchema(writer);
        writer.WriteEndObject();
    });

    private static string Json(Action<Utf8JsonWriter> write)
    {
        using var text = new MemoryStream();
        using (var writer = new Utf8JsonWriter(text, JsonAnswer.Options with { Indented = true, NewLine = "\n" }))
        {
            write(writer);
        }

        return Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length) + "\n";
    }
}
