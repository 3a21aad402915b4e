using System.Text.Json;

namespace Mica.RegistryServer.Configuration;

/// <summary>
/// A kind of value in the configuration. The three things that are done with one stand together, so that they cannot differ:
/// reading it, writing it, and saying in JSON Schema what it may be.
/// </summary>
internal abstract class Setting<T>
{
    /// <summary>Reads the value; what is wrong with it is told to the reader, and the result is of no use then.</summary>
    public abstract T Read(ConfigurationNode node, string path, SettingReader reader);

    /// <summary>Writes the value in the form in which it may be read again.</summary>
    public abstract void Write(Utf8JsonWriter writer, T value);

    /// <summary>Writes the members of a JSON Schema, 2020-12, within an object that is open.</summary>
    public abstract void WriteSchema(Utf8JsonWriter writer);

    /// <summary>The node with what environment variables say instead of it.</summary>
    public virtual ConfigurationNode? Overlay(ConfigurationNode? node, string path, SettingReader reader) =>
        reader.Variable(path) is { } text ? FromVariable(text, SettingReader.VariableName(path)) : node;

    /// <summary>What an environment variable says. Of lists and mappings that is JSON.</summary>
    protected virtual ConfigurationNode? FromVariable(string text, string name) => new ScalarNode($"${name}", text, ScalarForm.Variable);

    protected static ConfigurationNode? ParseVariable(string text, string name) =>
        ConfigurationDocument.Parse(new StringReader(text), _ => $"${name}");

    /// <summary>The text of a scalar of a sort that may be written plainly; null, and an error, for anything else.</summary>
    protected static string? Scalar(ConfigurationNode node, string path, SettingReader reader, string expected)
    {
        if (node is ScalarNode { IsNull: false } scalar)
        {
            return scalar.Text;
        }

        reader.Fail(node, path, node is ScalarNode ? $"has no value; give it {expected}, or remove the key" : $"has to be {expected}");
        return null;
    }
}
