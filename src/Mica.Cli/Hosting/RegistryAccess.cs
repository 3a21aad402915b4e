using Mica.Cli.CommandLine;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Cli.Hosting;

/// <summary>How registries are reached, as the environment says.</summary>
internal static class RegistryAccess
{
    public static RegistryClientOptions Options(Invocation invocation, bool insecure)
    {
        CliEnvironment environment = invocation.Host.Environment;
        var warnings = new Warnings(invocation.Host.Error);
        var configured = new ConfiguredRouting(() => RegistriesConfiguration.Load(
            new RegistriesLocations
            {
                ExplicitFile = environment.ContainersRegistriesConf,
                SystemDirectory = "/etc/containers",
                ConfigHome = ConfigHome(environment),
                DockerDaemonFile = "/etc/docker/daemon.json",
            },
            warnings));
        string?[] certificates =
        [
            ConfigHome(environment) is { } home ? Path.Combine(home, "containers/certs.d") : null,
            "/etc/containers/certs.d",
            "/etc/docker/certs.d",
        ];
        return new RegistryClientOptions
        {
            Version = BuildStamp.Version,
            Time = invocation.Host.Time,
            Credentials = Credentials(invocation),
            Routing = insecure ? new InsecureRouting(configured) : configured,
            Certificates = new CertificateDirectories([.. certificates.OfType<string>()]).Find,
            Proxy = new ProxySettings
            {
                HttpProxy = environment.HttpProxy ?? environment.AllProxy,
                HttpsProxy = environment.HttpsProxy ?? environment.AllProxy,
                NoProxy = environment.NoProxy,
            }.ToWebProxy(),
        };
    }

    public static CredentialStore Credentials(Invocation invocation)
    {
        CliEnvironment environment = invocation.Host.Environment;
        return new CredentialStore(
            new CredentialLocations
            {
                ExplicitFile = environment.RegistryAuthFile,
                DockerAuthConfig = environment.DockerAuthConfig,
                RuntimeDirectory = environment.XdgRuntimeDirectory,
                ConfigHome = ConfigHome(environment),
                DockerConfigDirectory = environment.DockerConfig ?? InHome(environment, ".docker"),
                ProgramDirectories = [.. (environment.SearchPath ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)],
            },
            invocation.Host.Time,
            new Warnings(invocation.Host.Error));
    }

    private static string? ConfigHome(CliEnvironment environment) => environment.XdgConfigHome ?? InHome(environment, ".config");

    private static string? InHome(CliEnvironment environment, string name) =>
        environment.Home is { } home ? Path.Combine(home, name) : null;

    /// <summary>The configuration is read when a registry is asked for: commands that stay in the store do not pay for it.</summary>
    private sealed class ConfiguredRouting(Func<IRegistryRouting> load) : IRegistryRouting
    {
        private readonly Lazy<IRegistryRouting> _configuration = new(load);

        public IReadOnlyList<RegistryEndpoint> Endpoints(ImageReference reference, bool forPush) =>
            _configuration.Value.Endpoints(reference, forPush);
    }

    /// <summary>Every registry may speak plain http or show a certificate that nobody vouches for: <c>--insecure</c>.</summary>
    private sealed class InsecureRouting(IRegistryRouting routing) : IRegistryRouting
    {
        public IReadOnlyList<RegistryEndpoint> Endpoints(ImageReference reference, bool forPush) =>
            [.. routing.Endpoints(reference, forPush).Select(endpoint => endpoint with { Insecure = true })];
    }

    /// <summary>What credentials' files have to say is for people, whatever form progress has.</summary>
    private sealed class Warnings(TextWriter error) : IProgress<ProgressEvent>
    {
        public void Report(ProgressEvent value)
        {
            if (value is Notice notice)
            {
                error.Write($"mica: warning: {notice.Message}\n");
            }
        }
    }
}
