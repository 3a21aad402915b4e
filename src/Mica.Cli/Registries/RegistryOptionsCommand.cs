using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.RegistryServer;
using Mica.RegistryServer.Configuration;

namespace Mica.Cli.Registries;

/// <summary>A command about a registry that a configuration, an option or the default names.</summary>
internal abstract class RegistryOptionsCommand : CliCommand
{
    private readonly Option<string?> _config;
    private readonly Option<string?> _data;

    protected RegistryOptionsCommand(string usage, string summary, ArgumentCount count)
        : base(usage, summary, count)
    {
        _config = Text("--config", null, "file", "Configuration, YAML or JSON (default: MICA_REGISTRY_CONFIG, or none)", Completes.Files);
        _data = Text("--data", null, "dir", "Directory with everything that the registry keeps (default: registry in the root directory)", Completes.Files);
    }

    /// <summary>The registry's options: the command line's above the environment's above the file's.</summary>
    protected RegistryServerOptions OptionsOf(Invocation invocation)
    {
        Func<string, string?> environment = invocation.Host.Environment.Variable;
        string? file = invocation.Value(_config) is { Length: > 0 } given ? given
            : environment("MICA_REGISTRY_CONFIG") is { Length: > 0 } named ? named : null;
        RegistryServerOptions options = RegistryConfiguration.Read(file, environment, dataDirectory: "");
        return options with
        {
            // A service that says where its data is needs no home.
            DataDirectory = invocation.Value(_data) is { Length: > 0 } data ? Path.GetFullPath(data)
                : options.DataDirectory.Length > 0 ? options.DataDirectory : Path.Combine(invocation.Root, "registry"),
            Time = invocation.Host.Time,
        };
    }
}
