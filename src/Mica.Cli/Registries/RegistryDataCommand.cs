using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.RegistryServer;

namespace Mica.Cli.Registries;

/// <summary>A command that looks after the data of a registry, beside the server or without one.</summary>
internal abstract class RegistryDataCommand : CliCommand
{
    private readonly Option<string?> _data;

    protected RegistryDataCommand(string usage, string summary, ArgumentCount count)
        : base(usage, summary, count)
    {
        _data = Text("--data", null, "dir", "Directory with everything that the registry keeps (default: registry in the root directory)", Completes.Files);
    }

    public override bool StopsInGoodOrder => true;

    public sealed override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var options = new RegistryServerOptions
        {
            DataDirectory = invocation.Value(_data) is { Length: > 0 } data ? Path.GetFullPath(data) : Path.Combine(invocation.Root, "registry"),
            Time = invocation.Host.Time,
        };
        await using RegistryData opened = await RegistryData.OpenAsync(options, cancellationToken);
        return await RunAsync(opened, invocation, cancellationToken);
    }

    protected abstract Task<int> RunAsync(RegistryData data, Invocation invocation, CancellationToken cancellationToken);
}
