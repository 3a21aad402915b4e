using System.Text.Json;
using Mica.Cli.Hosting;
using Mica.Oci;

namespace Mica.Cli.Building;

/// <summary>
/// The proxies that docker's <c>config.json</c> has for builds (<c>proxies.default</c>), as build arguments. The environment's own
/// are for mica and not for what it builds.
/// </summary>
internal static class DockerProxies
{
    private const long MaxSize = 4 << 20;

    private static readonly (string Key, string Name)[] s_names =
    [
        ("httpProxy", "HTTP_PROXY"), ("httpsProxy", "HTTPS_PROXY"), ("noProxy", "NO_PROXY"), ("ftpProxy", "FTP_PROXY"), ("allProxy", "ALL_PROXY"),
    ];

    public static Dictionary<string, string> Read(CliEnvironment environment)
    {
        var proxies = new Dictionary<string, string>(StringComparer.Ordinal);
        string? directory = environment.DockerConfig ?? (environment.Home is { } home ? Path.Combine(home, ".docker") : null);
        string? path = directory is null ? null : Path.Combine(directory, "config.json");
        if (path is null || new FileInfo(path) is not { Exists: true, Length: < MaxSize })
        {
            return proxies;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            if (document.RootElement is { ValueKind: JsonValueKind.Object } root
                && root.TryGetProperty("proxies", out JsonElement all) && all.ValueKind == JsonValueKind.Object
                && all.TryGetProperty("default", out JsonElement one) && one.ValueKind == JsonValueKind.Object)
            {
                foreach ((string key, string name) in s_names)
                {
                    if (one.TryGetProperty(key, out JsonElement value) && value is { ValueKind: JsonValueKind.String } && value.GetString() is { Length: > 0 } proxy)
                    {
                        proxies[name] = proxy;
                        proxies[name.ToLowerInvariant()] = proxy;
                    }
                }
            }
        }
        catch (Exception failure) when (failure is JsonException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: cannot be read for the proxies of builds: {Printable.Of(failure.Message)}", failure);
        }

        return proxies;
    }
}
