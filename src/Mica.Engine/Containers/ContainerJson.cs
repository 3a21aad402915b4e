using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Engine;

/// <summary>How containers are kept in the catalog.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
    Converters = [typeof(DigestConverter)],
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(ContainerDefinition))]
[JsonSerializable(typeof(ContainerState))]
[JsonSerializable(typeof(EngineEvent))]
internal sealed partial class ContainerJson : JsonSerializerContext
{
    private static readonly ContainerJson s_context = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new DigestConverter(), new JsonStringEnumConverter<ContainerStatus>(), new JsonStringEnumConverter<BlockLimitKind>() },
    });

    public static string Write(ContainerDefinition definition) => JsonSerializer.Serialize(definition, s_context.ContainerDefinition);

    public static string Write(ContainerState state) => JsonSerializer.Serialize(state, s_context.ContainerState);

    public static string Write(EngineEvent happened) => JsonSerializer.Serialize(happened, s_context.EngineEvent);

    public static ContainerDefinition ReadDefinition(string json) => JsonSerializer.Deserialize(json, s_context.ContainerDefinition)!;

    public static ContainerState ReadState(string json) => JsonSerializer.Deserialize(json, s_context.ContainerState)!;

    public static EngineEvent ReadEvent(string json) => JsonSerializer.Deserialize(json, s_context.EngineEvent)!;
}
