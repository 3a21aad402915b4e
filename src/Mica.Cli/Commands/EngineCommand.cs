using System.CommandLine;
using Mica.Cli.CommandLine;
using Mica.Cli.Hosting;
using Mica.Engine;

namespace Mica.Cli.Commands;

/// <summary>A command in front of the engine of the root directory that the user means.</summary>
internal abstract class EngineCommand(string usage, string summary, ArgumentCount count) : CliCommand(usage, summary, count)
{
    private const string MaxLayerSize = "--max-layer-size";

    private Option<bool>? _insecure;
    private Option<string?>? _maxLayerSize;

    public sealed override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        await PrepareAsync(invocation, cancellationToken);
        await using Engine.Engine engine = await Mica.Engine.Engine.OpenAsync(OptionsFor(invocation), cancellationToken);
        return await RunAsync(engine, invocation, cancellationToken);
    }

    /// <summary>The engine's options for this command line.</summary>
    protected virtual EngineOptions OptionsFor(Invocation invocation)
    {
        var options = new EngineOptions
        {
            Root = invocation.Root,
            StateDirectory = invocation.Host.Environment.StateDirectory(invocation.Host.IsSuperuser),
            Time = invocation.Host.Time,
            Program = invocation.Host.Program is { } program ? [program, "--root", invocation.Root] : [],
            ProgramEnvironment = invocation.Host.Environment.ForOwnPrograms,
            Registry = RegistryAccess.Options(invocation, _insecure is not null && invocation.Value(_insecure)),
        };
        return _maxLayerSize is not null && invocation.Value(_maxLayerSize) is { } size
            ? options with { MaxLayerBytes = ByteSize.Parse(size, MaxLayerSize) }
            : options;
    }

    /// <summary>What the settings file says. Only commands that ask read it.</summary>
    protected static Settings SettingsOf(Invocation invocation) => Settings.Read(invocation.Host.Environment);

    /// <summary>What has to be done before the root directory can be opened.</summary>
    protected virtual Task PrepareAsync(Invocation invocation, CancellationToken cancellationToken) => Task.CompletedTask;

    protected abstract Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken);

    /// <summary>The option of commands that unpack layers.</summary>
    protected void AddMaxLayerSize() => _maxLayerSize = Text(
        MaxLayerSize, null, "bytes", "Refuse layers that unpack to more, such as decompression bombs (default 64g)");

    /// <summary>The option of commands that talk to registries.</summary>
    protected void AddInsecure() =>
        _insecure = Flag("--insecure", null, "Accept a registry without TLS, or with a certificate that cannot be verified");
}
