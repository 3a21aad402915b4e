using System.Collections.Immutable;

namespace Mica.RegistryServer.Configuration;

/// <summary>How a scalar was written: only what is not quoted can be a number or a truth value.</summary>
internal enum ScalarForm
{
    Plain,
    Quoted,

    /// <summary>The value of an environment variable, which has no types.</summary>
    Variable,
}

/// <summary>A value in a configuration, and where it stands: what a message begins with, such as <c>registry.yaml:3</c>.</summary>
internal abstract record ConfigurationNode(string Location);

/// <summary>Text, a number, a truth value, or nothing.</summary>
internal sealed record ScalarNode(string Location, string Text, ScalarForm Form) : ConfigurationNode(Location)
{
    /// <summary>A key without a value. YAML 1.2.2, section 10.3.2.</summary>
    public bool IsNull => Form == ScalarForm.Plain && Text is "" or "~" or "null" or "Null" or "NULL";
}

/// <summary>A sequence.</summary>
internal sealed record ListNode(string Location, ImmutableArray<ConfigurationNode> Items) : ConfigurationNode(Location);

/// <summary>A mapping; no key is there twice.</summary>
internal sealed record MapNode(string Location, ImmutableArray<MapEntry> Entries) : ConfigurationNode(Location)
{
    public ConfigurationNode? Find(string key) => Entries.FirstOrDefault(entry => entry.Key == key)?.Value;

    /// <summary>The same with another value for a key.</summary>
    public MapNode With(string key, ConfigurationNode value) => this with
    {
        Entries = [.. Entries.Where(entry => entry.Key != key), new MapEntry(value.Location, key, value)],
    };
}

/// <summary>A key and its value.</summary>
internal sealed record MapEntry(string Location, string Key, ConfigurationNode Value);
