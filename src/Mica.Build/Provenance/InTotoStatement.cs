using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mica.Build;

/// <summary>What is said of which artifacts. in-toto Attestation Framework, spec/v1/statement.md.</summary>
internal sealed record InTotoStatement(ImmutableArray<ResourceDescriptor> Subject, SlsaProvenance Predicate)
{
    public const string MediaType = "application/vnd.in-toto+json";

    [JsonPropertyName("_type")]
    public string Type { get; } = "https://in-toto.io/Statement/v1";

    public string PredicateType { get; } = SlsaProvenance.PredicateType;
}

/// <summary>An artifact. in-toto Attestation Framework, spec/v1/resource_descriptor.md.</summary>
internal sealed record ResourceDescriptor
{
    public string? Name { get; init; }

    public string? Uri { get; init; }

    public ImmutableSortedDictionary<string, string>? Digest { get; init; }
}

/// <summary>How an artifact was made. SLSA v1.0, provenance.</summary>
internal sealed record SlsaProvenance(BuildDefinition BuildDefinition, RunDetails RunDetails)
{
    public const string PredicateType = "https://slsa.dev/provenance/v1";

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ProvenanceContext.Relaxed.SlsaProvenance);
}

internal sealed record BuildDefinition(
    string BuildType, ExternalParameters ExternalParameters, InternalParameters InternalParameters, ImmutableArray<ResourceDescriptor> ResolvedDependencies);

/// <summary>What whoever wanted the build decided.</summary>
internal sealed record ExternalParameters(ConfigSource ConfigSource, BuildRequest Request);

internal sealed record ConfigSource(string? Uri, ImmutableSortedDictionary<string, string>? Digest, string Path);

internal sealed record BuildRequest(string Frontend, ImmutableSortedDictionary<string, string> Args, ImmutableArray<LocalSource>? Locals);

internal sealed record LocalSource(string Name);

internal sealed record InternalParameters(string BuilderPlatform, BuildConfig? BuildConfig);

internal sealed record BuildConfig(ImmutableArray<BuildConfigStep> Steps);

/// <summary>An instruction as it stands in the Dockerfile, in the stages that the target needs.</summary>
internal sealed record BuildConfigStep(string Stage, int Line, string Instruction);

internal sealed record RunDetails(Builder Builder, BuildMetadata Metadata);

internal sealed record Builder(string Id, ImmutableSortedDictionary<string, string> Version);

internal sealed record BuildMetadata
{
    public string? InvocationId { get; init; }

    public string? StartedOn { get; init; }

    public string? FinishedOn { get; init; }

    [JsonPropertyName("buildkit_metadata")]
    public SourceMetadata? Source { get; init; }

    [JsonPropertyName("buildkit_completeness")]
    public required Completeness Completeness { get; init; }
}

internal sealed record SourceMetadata(SourceFiles Source);

internal sealed record SourceFiles(ImmutableArray<SourceFile> Infos);

internal sealed record SourceFile(string Filename, string Language, ReadOnlyMemory<byte> Data);

internal sealed record Completeness(bool Request, bool ResolvedDependencies);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(InTotoStatement))]
internal sealed partial class ProvenanceContext : JsonSerializerContext
{
    public static ProvenanceContext Relaxed { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
