using System.Collections.Immutable;
using System.Text.Json;
using Mica.Oci;

namespace Mica.RegistryServer.Configuration;

/// <summary>A mapping with known keys: one record of options.</summary>
/// <param name="initial">The record with all defaults; required things have some value that is replaced.</param>
/// <param name="fields">Its keys, in the order in which they are written.</param>
internal sealed class Section<T>(T initial, params ImmutableArray<Field<T>> fields) : Setting<T>
{
    /// <summary>Keys that are of no use without another one.</summary>
    public ImmutableArray<(string Key, string Needs)> Needs { get; init; } = [];

    /// <summary>What the values may not be together: a message, or null. Beyond what a schema can say.</summary>
    public Func<T, string?> Check { get; init; } = static _ => null;

    public override T Read(ConfigurationNode node, string path, SettingReader reader)
    {
        if (node is not MapNode map)
        {
            reader.Fail(node, path.Length == 0 ? "the configuration" : path, $"has to be a mapping with keys such as {fields[0].Name}");
            return initial;
        }

        int before = reader.Errors.Count;
        T value = initial;
        var meant = new HashSet<string>(StringComparer.Ordinal);
        foreach (MapEntry entry in map.Entries)
        {
            Field<T>? field = fields.FirstOrDefault(field => field.Name == entry.Key);
            if (field is not null)
            {
                value = field.Read(value, entry.Value, Join(path, field.Name), reader);
                continue;
            }

            string? similar = SimilarName.Of(entry.Key, fields.Select(field => field.Name));
            meant.Add(similar ?? "");
            string hint = similar is not null ? $"did you mean {similar}?" : $"known are {string.Join(", ", fields.Select(field => field.Name))}";
            reader.Fail(entry.Location, $"unknown key {Join(path, Printable.Of(entry.Key))}; {hint}");
        }

        foreach (Field<T> field in fields.Where(field => field.IsRequired && map.Find(field.Name) is null && !meant.Contains(field.Name)))
        {
            reader.Fail(node.Location, $"{Join(path, field.Name)} is missing");
        }

        foreach ((string key, string needs) in Needs.Where(pair => map.Find(pair.Key) is not null && map.Find(pair.Needs) is null))
        {
            reader.Fail(node.Location, $"{Join(path, key)} needs {Join(path, needs)}");
        }

        if (reader.Errors.Count == before && Check(value) is { } wrong)
        {
            reader.Fail(node.Location, path.Length == 0 ? wrong : $"{path}: {wrong}");
        }

        return value;
    }

    public override void Write(Utf8JsonWriter writer, T value)
    {
        writer.WriteStartObject();
        foreach (Field<T> field in fields)
        {
            field.Write(writer, value);
        }

        writer.WriteEndObject();
    }

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "object");
        writer.WriteStartObject("properties");
        foreach (Field<T> field in fields)
        {
            writer.WriteStartObject(field.Name);
            field.WriteSchema(writer, initial);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        Field<T>[] required = [.. fields.Where(field => field.IsRequired)];
        if (required.Length > 0)
        {
            writer.WriteStartArray("required");
            Array.ForEach(required, field => writer.WriteStringValue(field.Name));
            writer.WriteEndArray();
        }

        if (Needs.Length > 0)
        {
            writer.WriteStartObject("dependentRequired");
            foreach (IGrouping<string, string> pair in Needs.GroupBy(pair => pair.Key, pair => pair.Needs))
            {
                writer.WriteStartArray(pair.Key);
                pair.ToList().ForEach(writer.WriteStringValue);
                writer.WriteEndArray();
            }

            writer.WriteEndObject();
        }

        writer.WriteBoolean("additionalProperties", false);
    }

    /// <summary>A variable for a key within makes the section, if it is not there.</summary>
    public override ConfigurationNode? Overlay(ConfigurationNode? node, string path, SettingReader reader)
    {
        ConfigurationNode? whole = base.Overlay(node, path, reader);
        if (whole is not (null or MapNode))
        {
            return whole;
        }

        var map = (MapNode?)whole;
        foreach (Field<T> field in fields)
        {
            ConfigurationNode? before = map?.Find(field.Name);
            if (field.Overlay(before, Join(path, field.Name), reader) is { } after && after != before)
            {
                map = (map ?? new MapNode(after.Location, [])).With(field.Name, after);
            }
        }

        return map;
    }

    protected override ConfigurationNode? FromVariable(string text, string name) => ParseVariable(text, name);

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}

/// <summary>A key of a <see cref="Section{T}"/>.</summary>
internal abstract class Field<TOwner>(string name, string description, bool isRequired)
{
    public string Name { get; } = name;

    public string Description { get; } = description;

    public bool IsRequired { get; } = isRequired;

    public abstract TOwner Read(TOwner owner, ConfigurationNode node, string path, SettingReader reader);

    public abstract void Write(Utf8JsonWriter writer, TOwner owner);

    public abstract void WriteSchema(Utf8JsonWriter writer, TOwner initial);

    public abstract ConfigurationNode? Overlay(ConfigurationNode? node, string path, SettingReader reader);
}

/// <summary>A key whose value is a property of the section's record.</summary>
internal sealed class Field<TOwner, TValue>(
    string name, string description, Setting<TValue> setting, Func<TOwner, TValue?> get, Func<TOwner, TValue, TOwner> set, bool isRequired = false)
    : Field<TOwner>(name, description, isRequired)
{
    public override TOwner Read(TOwner owner, ConfigurationNode node, string path, SettingReader reader) =>
        set(owner, setting.Read(node, path, reader));

    public override void Write(Utf8JsonWriter writer, TOwner owner)
    {
        if (get(owner) is { } value)
        {
            writer.WritePropertyName(Name);
            setting.Write(writer, value);
        }
    }

    public override void WriteSchema(Utf8JsonWriter writer, TOwner initial)
    {
        writer.WriteString("description", Description);
        setting.WriteSchema(writer);
        if (!IsRequired && get(initial) is { } value)
        {
            writer.WritePropertyName("default");
            setting.Write(writer, value);
        }
    }

    public override ConfigurationNode? Overlay(ConfigurationNode? node, string path, SettingReader reader) => setting.Overlay(node, path, reader);
}
