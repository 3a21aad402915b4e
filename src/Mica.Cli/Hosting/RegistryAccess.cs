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
        IRegistryRouting routing = new DirectRouting();
        return new RegistryClientOptions
        {
            Version = BuildStamp.Version,
            Time = invocation.Host.Time,
            Credentials = Credentials(invocation),
            Routing = insecure ? new InsecureRouting(routing) : routing,
            Proxy = environment.HttpProxy is null && environment.HttpsProxy is null && environment.AllProxy is null
                ? null
                : new ProxyRules(environment.HttpProxy ?? environment.AllProxy, environment.HttpsProxy ?? environment.AllProxy, environment.NoProxy),
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
                ConfigHome = environment.XdgConfigHome ?? InHome(".config"),
                DockerConfigDirectory = environment.DockerConfig ?? InHome(".docker"),
                ProgramDirectories = [.. (environment.SearchPath ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)],
            },
            invocation.Host.Time,
            new Warnings(invocation.Host.Error));

        string? InHome(string name) => environment.Home is { } home ? Path.Combine(home, name) : null;
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
