using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mica.Engine;

/// <summary>Files that outlive containers.</summary>
/// <param name="Name">Its name; 64 hexadecimal digits when nobody chose one.</param>
/// <param name="Created">When it was made.</param>
/// <param name="Directory">Where its files are.</param>
public sealed record Volume(string Name, DateTimeOffset Created, string Directory)
{
    /// <summary>Free-form text.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>As the driver was told: <c>type</c>, <c>o</c> and <c>device</c> of a mount.</summary>
    public ImmutableSortedDictionary<string, string> Options { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Nobody chose its name, so it may be pruned.</summary>
    public bool IsAnonymous { get; init; }
}

/// <summary>What the catalog keeps about a volume.</summary>
internal sealed record VolumeDefinition
{
    public ImmutableSortedDictionary<string, string> Labels { get; init => field = value ?? ImmutableSortedDictionary<string, string>.Empty; } =
        ImmutableSortedDictionary<string, string>.Empty;

    public ImmutableSortedDictionary<string, string> Options { get; init => field = value ?? ImmutableSortedDictionary<string, string>.Empty; } =
        ImmutableSortedDictionary<string, string>.Empty;

    public bool IsAnonymous { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(VolumeDefinition))]
internal sealed partial class VolumeJson : JsonSerializerContext
{
    public static string Write(VolumeDefinition definition) => JsonSerializer.Serialize(definition, Default.VolumeDefinition);

    public static VolumeDefinition Read(string json) => JsonSerializer.Deserialize(json, Default.VolumeDefinition)!;
}
