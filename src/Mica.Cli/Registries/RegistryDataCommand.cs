using Mica.Cli.CommandLine;
using Mica.RegistryServer;

namespace Mica.Cli.Registries;

/// <summary>A command that looks after the data of a registry, beside the server or without one.</summary>
internal abstract class RegistryDataCommand(string usage, string summary, ArgumentCount count) : RegistryOptionsCommand(usage, summary, count)
{
    public override bool StopsInGoodOrder => true;

    public sealed override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        await using RegistryData opened = await RegistryData.OpenAsync(OptionsOf(invocation), cancellationToken);
        return await RunAsync(opened, invocation, cancellationToken);
    }

    protected abstract Task<int> RunAsync(RegistryData data, Invocation invocation, CancellationToken cancellationToken);
}
