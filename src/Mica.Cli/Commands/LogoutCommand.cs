using System.Collections.Immutable;
using Mica.Cli.CommandLine;
using Mica.Cli.Hosting;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Cli.Commands;

/// <summary><c>mica logout</c>.</summary>
internal sealed class LogoutCommand() : CliCommand("[SERVER]", "Log out from a registry", ArgumentCount.AtMost(1))
{
    public override string Remarks => "Defaults to Docker Hub if no server is specified.";

    public override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        string server = ServerName.Of(invocation);
        ImmutableArray<CredentialPlace> places = await RegistryAccess.Credentials(invocation).EraseAsync(server, cancellationToken);
        invocation.Output.Write(places.IsEmpty
            ? $"Not logged in to {Printable.Of(server)}\n"
            : $"Removing login credentials for {Printable.Of(server)}\n");
        return ExitCodes.Success;
    }
}
