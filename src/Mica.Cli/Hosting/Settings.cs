using System.Text.Json;
using System.Text.Json.Serialization;
using Mica.Cli.Building;
using Mica.Cli.CommandLine;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Hosting;

/// <summary>
/// The settings of a file: that of <c>MICA_CONFIG</c>, else the user's <c>mica/config.json</c>, else <c>/etc/mica/config.json</c>.
/// The first that is there counts alone. An option goes before a setting.
/// </summary>
internal sealed record Settings
{
    private const int MaxSize = 1 << 20;
    private const string SystemFile = "/etc/mica/config.json";

    /// <summary>Of builds.</summary>
    [JsonPropertyName("build")]
    public BuildSettings Build { get; init => field = value ?? new(); } = new();

    /// <summary>The settings of an invocation; without a file, none.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: the file says something that there is not.</exception>
    public static Settings Read(CliEnvironment environment)
    {
        string? own = environment.XdgConfigHome ?? (environment.Home is { } home ? Path.Combine(home, ".config") : null);
        string?[] candidates = environment.Config is { } named ? [named] : [own is null ? null : Path.Combine(own, "mica", "config.json"), SystemFile];
        return candidates.OfType<string>().FirstOrDefault(path => File.Exists(path) || path == environment.Config) is { } file ? Parse(file) : new Settings();
    }

    private static Settings Parse(string path)
    {
        try
        {
            byte[] json = new FileInfo(path).Length <= MaxSize ? File.ReadAllBytes(path) : throw new IOException($"it has more than {MaxSize} bytes");
            OciJson.CheckNames(json);
            Settings settings = JsonSerializer.Deserialize(json, SettingsJson.Strict.Settings) ?? new Settings();
            _ = settings.Build.Cache.Limits(path); // what cannot be is told now, and not only by a build
            return settings;
        }
        catch (JsonException failure)
        {
            string where = failure.LineNumber is { } line ? $":{line + 1}" : "";
            string what = failure.Path is { Length: > 0 } member ? $" at {member}" : "";
            throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}{where}: malformed{Printable.Of(what)}", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.Failed, $"{Printable.Of(path)}: {Printable.Of(failure.Message)}", failure);
        }
    }
}

/// <summary>What builds do when no option says otherwise.</summary>
internal sealed record BuildSettings
{
    /// <summary>As <c>--portable-modes</c>.</summary>
    [JsonPropertyName("portableModes")]
    public bool PortableModes { get; init; }

    /// <summary>What the cache is cut to after each build.</summary>
    [JsonPropertyName("cache")]
    public BuildCacheSettings Cache { get; init => field = value ?? new(); } = new();
}

/// <summary>Limits of the cache of builds, as people write them: <c>20g</c>, <c>720h</c>.</summary>
internal sealed record BuildCacheSettings
{
    [JsonPropertyName("maxSize")]
    public string? MaxSize { get; init; }

    [JsonPropertyName("maxAge")]
    public string? MaxAge { get; init; }

    [JsonPropertyName("minFree")]
    public string? MinFree { get; init; }

    public BuildCacheLimits? Limits(string path) => this == new BuildCacheSettings() ? null : new BuildCacheLimits
    {
        MaxBytes = MaxSize is null ? null : ByteSize.Parse(MaxSize, $"{Printable.Of(path)}: build.cache.maxSize"),
        MaxAge = BuildFlag.Duration(MaxAge, $"{Printable.Of(path)}: build.cache.maxAge"),
        MinFreeBytes = MinFree is null ? null : ByteSize.Parse(MinFree, $"{Printable.Of(path)}: build.cache.minFree"),
    };
}

[JsonSerializable(typeof(Settings))]
internal sealed partial class SettingsJson : JsonSerializerContext
{
    public static SettingsJson Strict { get; } = new(new JsonSerializerOptions
    {
        AllowDuplicateProperties = false,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        MaxDepth = 8,
    });
}
