using Mica.Cli.CommandLine;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary>The registry that <c>login</c> and <c>logout</c> are about.</summary>
internal static class ServerName
{
    /// <summary><c>host[:port][/path]</c>; Docker Hub when there is no argument. Schemes and trailing slashes are left off.</summary>
    public static string Of(Invocation invocation)
    {
        string server = invocation.Arguments is [var text] ? text : ImageReference.DefaultDomain;
        foreach (string scheme in new[] { "https://", "http://" })
        {
            if (server.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            {
                server = server[scheme.Length..];
            }
        }

        server = server.TrimEnd('/');
        return server is "index.docker.io/v1" or "index.docker.io" or "registry-1.docker.io" ? ImageReference.DefaultDomain : server;
    }
}
