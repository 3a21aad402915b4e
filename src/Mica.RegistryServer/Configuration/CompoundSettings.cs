using System.Collections.Immutable;
using System.Text.Json;

namespace Mica.RegistryServer.Configuration;

/// <summary>A value that may be missing, where its absence means something.</summary>
internal sealed class OptionalSetting<T>(Setting<T> inner) : Setting<T?>
    where T : struct
{
    public override T? Read(ConfigurationNode node, string path, SettingReader reader) => inner.Read(node, path, reader);

    public override void Write(Utf8JsonWriter writer, T? value) => inner.Write(writer, value!.Value);

    public override void WriteSchema(Utf8JsonWriter writer) => inner.WriteSchema(writer);
}

/// <summary>A number of bytes that fits an <see cref="int"/>.</summary>
internal sealed class SmallSizeSetting(int least, int most) : Setting<int>
{
    private readonly SizeSetting _size = new(least, most);

    public override int Read(ConfigurationNode node, string path, SettingReader reader) => (int)_size.Read(node, path, reader);

    public override void Write(Utf8JsonWriter writer, int value) => _size.Write(writer, value);

    public override void WriteSchema(Utf8JsonWriter writer) => _size.WriteSchema(writer);
}

/// <summary>Values in an order.</summary>
internal sealed class ListSetting<T>(Setting<T> item, int least = 0) : Setting<ImmutableArray<T>>
{
    public override ImmutableArray<T> Read(ConfigurationNode node, string path, SettingReader reader)
    {
        if (node is not ListNode list)
        {
            reader.Fail(node, path, "has to be a list");
            return [];
        }

        if (list.Items.Length < least)
        {
            reader.Fail(node, path, "may not be empty");
        }

        return [.. list.Items.Select((child, index) => item.Read(child, $"{path}[{index}]", reader))];
    }

    public override void Write(Utf8JsonWriter writer, ImmutableArray<T> value)
    {
        writer.WriteStartArray();
        foreach (T one in value)
        {
            item.Write(writer, one);
        }

        writer.WriteEndArray();
    }

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "array");
        writer.WriteStartObject("items");
        item.WriteSchema(writer);
        writer.WriteEndObject();
        if (least > 0)
        {
            writer.WriteNumber("minItems", least);
        }
    }

    protected override ConfigurationNode? FromVariable(string text, string name) => ParseVariable(text, name);
}

/// <summary>Values by names that the user chooses.</summary>
internal sealed class MapSetting<T>(Setting<T> item) : Setting<ImmutableSortedDictionary<string, T>>
{
    private static ImmutableSortedDictionary<string, T> Empty => ImmutableSortedDictionary.Create<string, T>(StringComparer.Ordinal);

    public override ImmutableSortedDictionary<string, T> Read(ConfigurationNode node, string path, SettingReader reader)
    {
        if (node is not MapNode map)
        {
            reader.Fail(node, path, "has to be a mapping of names to values");
            return Empty;
        }

        return Empty.AddRange(map.Entries.Select(entry => KeyValuePair.Create(entry.Key, item.Read(entry.Value, $"{path}.{entry.Key}", reader))));
    }

    public override void Write(Utf8JsonWriter writer, ImmutableSortedDictionary<string, T> value)
    {
        writer.WriteStartObject();
        foreach ((string name, T one) in value)
        {
            writer.WritePropertyName(name);
            item.Write(writer, one);
        }

        writer.WriteEndObject();
    }

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "object");
        writer.WriteStartObject("additionalProperties");
        item.WriteSchema(writer);
        writer.WriteEndObject();
    }

    protected override ConfigurationNode? FromVariable(string text, string name) => ParseVariable(text, name);
}
