using System.Collections.Immutable;
using Mica.Cli.CommandLine;
using Mica.RegistryServer.Configuration;

namespace Mica.Cli.Registries;

/// <summary><c>mica registry config check</c>.</summary>
internal sealed class RegistryConfigCheckCommand() : CliCommand(
    "FILE", "Print what a configuration means, or everything that is wrong with it", ArgumentCount.Exactly(1))
{
    public override Completes Completes => Completes.Files;

    public override string Remarks =>
        "What is printed has every key, with the defaults and with what MICA_REGISTRY_… variables say, and is itself a configuration.";

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
        [("mica registry config check registry.yaml", "before the registry is started anew with it")];

    public override Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        string? root = invocation.Globals.Root ?? invocation.Host.Environment.StoreRoot(invocation.Host.IsSuperuser);
        string directory = root is null ? "" : Path.Combine(Path.GetFullPath(root), "registry");
        invocation.Output.Write(RegistryConfiguration.Print(
            RegistryConfiguration.Read(invocation.Arguments[0], invocation.Host.Environment.Variable, directory)));
        return Task.FromResult(ExitCodes.Success);
    }
}

/// <summary><c>mica registry config schema</c>.</summary>
internal sealed class RegistryConfigSchemaCommand() : CliCommand(
    "", "Print the JSON Schema of the configuration, for editors", ArgumentCount.None)
{
    public override Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        invocation.Output.Write(RegistryConfiguration.Schema());
        return Task.FromResult(ExitCodes.Success);
    }
}
