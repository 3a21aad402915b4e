using System.Collections.Immutable;
using Mica.Runtime;

namespace Mica.Cli.Hosting;

/// <summary>The environment variables that mica heeds. They are read here and nowhere else.</summary>
internal sealed record CliEnvironment
{
    private static readonly string[] s_forOwnPrograms = ["HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", UserNamespace.MarkerVariable];

    /// <summary><c>HOME</c>.</summary>
    public string? Home { get; init; }

    /// <summary><c>MICA_ROOT</c>: the store's directory.</summary>
    public string? MicaRoot { get; init; }

    /// <summary><c>MICA_CONFIG</c>: the file with settings.</summary>
    public string? Config { get; init; }

    /// <summary><c>XDG_DATA_HOME</c>: where the store of a user is, in place of <c>~/.local/share</c>.</summary>
    public string? XdgDataHome { get; init; }

    /// <summary><c>XDG_CONFIG_HOME</c>: in place of <c>~/.config</c>.</summary>
    public string? XdgConfigHome { get; init; }

    /// <summary><c>CONTAINERS_REGISTRIES_CONF</c>: in place of all <c>registries.conf</c> files.</summary>
    public string? ContainersRegistriesConf { get; init; }

    /// <summary><c>XDG_RUNTIME_DIR</c>: where <c>containers/auth.json</c> is.</summary>
    public string? XdgRuntimeDirectory { get; init; }

    /// <summary><c>DOCKER_CONFIG</c>: the directory with docker's <c>config.json</c>.</summary>
    public string? DockerConfig { get; init; }

    /// <summary><c>DOCKER_AUTH_CONFIG</c>: the content of such a file.</summary>
    public string? DockerAuthConfig { get; init; }

    /// <summary><c>REGISTRY_AUTH_FILE</c>: the file with credentials.</summary>
    public string? RegistryAuthFile { get; init; }

    /// <summary><c>DOCKER_DEFAULT_PLATFORM</c>: the platform when no <c>--platform</c> is given.</summary>
    public string? DefaultPlatform { get; init; }

    /// <summary><c>HTTPS_PROXY</c>, in either case.</summary>
    public string? HttpsProxy { get; init; }

    /// <summary><c>http_proxy</c>, in lower case only: a CGI script's caller can set the other one.</summary>
    public string? HttpProxy { get; init; }

    /// <summary><c>ALL_PROXY</c>, in either case.</summary>
    public string? AllProxy { get; init; }

    /// <summary><c>NO_PROXY</c>, in either case.</summary>
    public string? NoProxy { get; init; }

    /// <summary><c>PATH</c>: where credential helpers are.</summary>
    public string? SearchPath { get; init; }

    /// <summary><c>NO_COLOR</c> is set to something, or <c>TERM</c> is <c>dumb</c>.</summary>
    public bool NoColor { get; init; }

    /// <summary>Any variable, where the command line names one: build arguments, secrets.</summary>
    public Func<string, string?> Variable { get; init; } = static _ => null;

    /// <summary>What another run of this program needs of them to find the same store and state.</summary>
    public ImmutableArray<string> ForOwnPrograms =>
    [
        .. s_forOwnPrograms.Select(name => (Name: name, Value: Variable(name))).Where(pair => pair.Value is not null).Select(pair => $"{pair.Name}={pair.Value}"),
    ];

    /// <summary>Reads the variables; an empty one is as good as none.</summary>
    public static CliEnvironment Read(Func<string, string?> variable)
    {
        return new CliEnvironment
        {
            Home = Get("HOME"),
            MicaRoot = Get("MICA_ROOT"),
            Config = Get("MICA_CONFIG"),
            XdgDataHome = Get("XDG_DATA_HOME"),
            XdgConfigHome = Get("XDG_CONFIG_HOME"),
            ContainersRegistriesConf = Get("CONTAINERS_REGISTRIES_CONF"),
            XdgRuntimeDirectory = Get("XDG_RUNTIME_DIR"),
            DockerConfig = Get("DOCKER_CONFIG"),
            DockerAuthConfig = Get("DOCKER_AUTH_CONFIG"),
            RegistryAuthFile = Get("REGISTRY_AUTH_FILE"),
            DefaultPlatform = Get("DOCKER_DEFAULT_PLATFORM"),
            HttpsProxy = Get("https_proxy") ?? Get("HTTPS_PROXY"),
            HttpProxy = Get("http_proxy"),
            AllProxy = Get("all_proxy") ?? Get("ALL_PROXY"),
            NoProxy = Get("no_proxy") ?? Get("NO_PROXY"),
            SearchPath = Get("PATH"),
            Variable = variable,
            NoColor = Get("NO_COLOR") is not null || Get("TERM") == "dumb",
        };

        string? Get(string name) => variable(name) is { Length: > 0 } value ? value : null;
    }

    /// <summary>The store's directory when <c>--root</c> does not say it; null when there is no home either.</summary>
    public string? StoreRoot(bool isSuperuser) => MicaRoot
        ?? (isSuperuser ? "/var/lib/mica"
            : XdgDataHome is not null ? Path.Combine(XdgDataHome, "mica")
            : Home is not null ? Path.Combine(Home, ".local", "share", "mica")
            : null);

    /// <summary>For what exists only while containers do; null when nothing says where, and then it is in the store's directory.</summary>
    public string? StateDirectory(bool isSuperuser) => isSuperuser ? "/run/mica"
        : XdgRuntimeDirectory is not null ? Path.Combine(XdgRuntimeDirectory, "mica")
        : null;
}
