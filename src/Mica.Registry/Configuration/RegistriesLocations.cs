using System.Collections.Immutable;

namespace Mica.Registry;

/// <summary>
/// Where registries are configured; handed down by the program. The user's <c>registries.conf</c> stands in for the
/// system's and then only the user's drop-ins count; without it both directories of drop-ins do, the user's last.
/// containers-registries.conf(5), containers-registries.conf.d(5).
/// </summary>
public sealed record RegistriesLocations
{
    /// <summary>The one file to read (<c>CONTAINERS_REGISTRIES_CONF</c>), without drop-ins. It must exist.</summary>
    public string? ExplicitFile { get; init; }

    /// <summary>Usually <c>/etc/containers</c>.</summary>
    public string? SystemDirectory { get; init; }

    /// <summary><c>XDG_CONFIG_HOME</c>, usually <c>~/.config</c>; the files are in <c>containers</c> there.</summary>
    public string? ConfigHome { get; init; }

    /// <summary>
    /// Docker's, usually <c>/etc/docker/daemon.json</c>: its <c>registry-mirrors</c> serve Docker Hub unless
    /// <c>registries.conf</c> says something about it, and its <c>insecure-registries</c> count too.
    /// </summary>
    public string? DockerDaemonFile { get; init; }

    /// <summary>The <c>registries.conf</c> files that may exist, in the order in which later ones override earlier ones.</summary>
    internal ImmutableArray<string> ListFiles()
    {
        if (ExplicitFile is not null)
        {
            return [ExplicitFile];
        }

        string? user = ConfigHome is null ? null : Path.Combine(ConfigHome, "containers");
        return user is not null && File.Exists(Path.Combine(user, "registries.conf")) ? ListFiles(user)
            : [.. SystemDirectory is null ? [] : ListFiles(SystemDirectory), .. user is null ? [] : ListFiles(user)];
    }

    private static ImmutableArray<string> ListFiles(string directory)
    {
        string main = Path.Combine(directory, "registries.conf");
        string dropIns = main + ".d";
        string[] more = Directory.Exists(dropIns) ? Directory.GetFiles(dropIns, "*.conf") : [];
        return [main, .. more.Order(StringComparer.Ordinal)];
    }
}
