using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mica.Oci;

/// <summary>
/// The image's config: what runs, on what, how it was made, and the diffIDs of its layers. Its digest is the image's ID.
/// OCI image-spec v1.1, config.md, with the members that Docker adds.
/// </summary>
public sealed record ImageConfig
{
    /// <summary>RFC 3339, as written by the author; see <see cref="Timestamp"/> for reading it.</summary>
    [JsonPropertyName("created")]
    public string? Created { get; init; }

    /// <summary>Name and e-mail of the author.</summary>
    [JsonPropertyName("author")]
    public string? Author { get; init; }

    /// <summary>GOARCH.</summary>
    [JsonPropertyName("architecture")]
    public string? Architecture { get; init; }

    /// <summary>Variant of the architecture.</summary>
    [JsonPropertyName("variant")]
    public string? Variant { get; init; }

    /// <summary>GOOS.</summary>
    [JsonPropertyName("os")]
    public string? Os { get; init; }

    /// <summary>Version of the OS (Windows).</summary>
    [JsonPropertyName("os.version")]
    public string? OsVersion { get; init; }

    /// <summary>Mandatory features of the OS.</summary>
    [JsonPropertyName("os.features")]
    public ImmutableArray<string>? OsFeatures { get; init; }

    /// <summary>Docker: the comment of the last commit.</summary>
    [JsonPropertyName("comment")]
    public string? Comment { get; init; }

    /// <summary>Docker: the version of the engine that made the image.</summary>
    [JsonPropertyName("docker_version")]
    public string? DockerVersion { get; init; }

    /// <summary>Defaults for a container of this image.</summary>
    [JsonPropertyName("config")]
    public ContainerConfig? Config { get; init; }

    /// <summary>The layers' diffIDs.</summary>
    [JsonPropertyName("rootfs")]
    public required RootFs RootFs { get; init; }

    /// <summary>One entry per step, oldest first; those that are not empty pair up with the diffIDs in order.</summary>
    [JsonPropertyName("history")]
    [JsonConverter(typeof(EmptyWhenNullConverter<HistoryEntry>))]
    public ImmutableArray<HistoryEntry> History { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Mica: results of build steps that other machines may use, whose layers are the image's.</summary>
    [JsonPropertyName("mica.buildcache.v1")]
    public JsonElement? BuildCache { get; init; }

    /// <summary>The platform that the config declares; parts that it leaves out are empty.</summary>
    [JsonIgnore]
    public Platform Platform => new()
    {
        Os = Os ?? "",
        Architecture = Architecture ?? "",
        Variant = Variant is { Length: > 0 } ? Variant : null,
        OsVersion = OsVersion is { Length: > 0 } ? OsVersion : null,
        OsFeatures = OsFeatures,
    };

    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: malformed.</exception>
    public static ImageConfig Parse(ReadOnlySpan<byte> json)
    {
        ImageConfig config = OciJson.Parse(json, OciJsonContext.Strict.ImageConfig, "image config");
        foreach (JsonElement other in config.Config?.Other?.Values ?? Enumerable.Empty<JsonElement>())
        {
            // Kept as it came; it must be possible to write it again.
            OciJson.CheckTexts(other, "image config");
        }

        return config.RootFs.Type == "layers"
            ? config
            : throw new MicaException(ErrorKind.Unsupported, $"image config has a root file system of type {Printable.Of(config.RootFs.Type)}, not layers");
    }

    /// <summary>The compact JSON of a config that we author.</summary>
    public byte[] ToJson() => OciJson.Write(this, OciJsonContext.Strict.ImageConfig);
}

/// <summary>The layers of an image by the digests of their uncompressed tars.</summary>
public sealed record RootFs
{
    /// <summary>Always <c>layers</c>.</summary>
    [JsonPropertyName("type")]
    public required string Type { get; init; }

    /// <summary>Base layer first; as many as the manifest has layers.</summary>
    [JsonPropertyName("diff_ids")]
    [JsonConverter(typeof(EmptyWhenNullConverter<Digest>))]
    public ImmutableArray<Digest> DiffIds { get; init => field = value.IsDefault ? [] : value; } = [];
}

/// <summary>One step of an image's making.</summary>
public sealed record HistoryEntry
{
    /// <summary>RFC 3339, as written.</summary>
    [JsonPropertyName("created")]
    public string? Created { get; init; }

    /// <summary>The command.</summary>
    [JsonPropertyName("created_by")]
    public string? CreatedBy { get; init; }

    /// <summary>Who.</summary>
    [JsonPropertyName("author")]
    public string? Author { get; init; }

    /// <summary>A remark, such as the builder's name.</summary>
    [JsonPropertyName("comment")]
    public string? Comment { get; init; }

    /// <summary>The step made no layer.</summary>
    [JsonPropertyName("empty_layer")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool EmptyLayer { get; init; }
}

/// <summary>
/// Defaults for a container. Docker's names, in Docker's order; members that neither specification has are kept in
/// <see cref="Other"/>, so that an image made from this one does not lose them.
/// </summary>
public sealed record ContainerConfig
{
    /// <summary>User or UID, with an optional <c>:group</c>.</summary>
    public string? User { get; init; }

    /// <summary>Keys are <c>port[/protocol]</c>.</summary>
    public ImmutableSortedDictionary<string, EmptyObject>? ExposedPorts { get; init; }

    /// <summary><c>NAME=value</c>.</summary>
    public ImmutableArray<string>? Env { get; init; }

    /// <summary>Argument vector before <see cref="Cmd"/>.</summary>
    public ImmutableArray<string>? Entrypoint { get; init; }

    /// <summary>Argument vector, or default arguments of the entrypoint.</summary>
    public ImmutableArray<string>? Cmd { get; init; }

    /// <summary>Docker: how to tell whether the container works.</summary>
    public Healthcheck? Healthcheck { get; init; }

    /// <summary>Windows: the command is one escaped string.</summary>
    public bool? ArgsEscaped { get; init; }

    /// <summary>Keys are paths.</summary>
    public ImmutableSortedDictionary<string, EmptyObject>? Volumes { get; init; }

    /// <summary>Directory the process starts in.</summary>
    public string? WorkingDir { get; init; }

    /// <summary>Free-form text.</summary>
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }

    /// <summary>The signal that stops the container.</summary>
    public string? StopSignal { get; init; }

    /// <summary>Docker: seconds to wait for it.</summary>
    public int? StopTimeout { get; init; }

    /// <summary>Docker: instructions for the image built from this one.</summary>
    public ImmutableArray<string>? OnBuild { get; init; }

    /// <summary>Docker: the shell of the shell form.</summary>
    public ImmutableArray<string>? Shell { get; init; }

    /// <summary>Everything else, as it came.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Other { get; set; }
}

/// <summary>Docker's health check; durations in nanoseconds.</summary>
public sealed record Healthcheck
{
    /// <summary><c>["NONE"]</c>, <c>["CMD", …]</c> or <c>["CMD-SHELL", command]</c>.</summary>
    public ImmutableArray<string>? Test { get; init; }

    /// <summary>Between two checks.</summary>
    public long? Interval { get; init; }

    /// <summary>Of one check.</summary>
    public long? Timeout { get; init; }

    /// <summary>During which failures do not count.</summary>
    public long? StartPeriod { get; init; }

    /// <summary>Between two checks during the start period.</summary>
    public long? StartInterval { get; init; }

    /// <summary>Failures until unhealthy.</summary>
    public int? Retries { get; init; }
}

/// <summary>The <c>{}</c> that Go's sets have as values.</summary>
public sealed record EmptyObject;

/// <summary>RFC 3339 times as images carry them.</summary>
public static class Timestamp
{
    /// <summary>Null when the text is missing or not a time. Precision is 100 ns.</summary>
    public static DateTimeOffset? Read(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time) ? time : null;
}
