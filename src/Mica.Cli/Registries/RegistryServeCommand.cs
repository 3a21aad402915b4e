using System.Collections.Immutable;
using System.CommandLine;
using System.Net;
using Mica.Cli.CommandLine;
using Mica.Cli.Hosting;
using Mica.RegistryServer;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Mica.Cli.Registries;

/// <summary><c>mica registry serve</c>.</summary>
internal sealed class RegistryServeCommand : RegistryOptionsCommand
{
    private const int MinThreads = 32;

    private readonly Option<string?> _listen;

    public RegistryServeCommand()
        : base("[OPTIONS]", "Serve a registry of images", ArgumentCount.None)
    {
        _listen = Text("--listen", null, "addr:port", "Address and port to listen on (default 127.0.0.1:5000)");
    }

    public override bool StopsInGoodOrder => true;

    public override string Remarks =>
        "The registry serves until it is interrupted, and then lets requests end; a second interrupt ends it at once. It collects " +
        "garbage while it serves. Every key of the configuration can be given as a variable too: MICA_REGISTRY_ and the key's path in " +
        "upper case, with _ for dots; what is no single value as JSON.";

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples =>
    [
        ("mica registry serve", "a registry for this machine: mica push 127.0.0.1:5000/app"),
        ("mica registry serve --config /etc/mica/registry.yaml", "as the file says"),
        ("mica registry serve --listen 0.0.0.0:5000 --data /srv/registry", "one for others too"),
    ];

    public override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        RegistryServerOptions options = OptionsOf(invocation) with { UpstreamClient = RegistryAccess.Options(invocation, insecure: false) };
        if (invocation.Value(_listen) is { } listen)
        {
            options = options with { Listen = ParseEndpoint(invocation, listen) };
        }

        // Files and SQLite keep threads waiting for the disk; meanwhile others must be there for the rest.
        ThreadPool.GetMinThreads(out int workers, out int completions);
        ThreadPool.SetMinThreads(Math.Max(workers, MinThreads), completions);
        await using RegistryServer.RegistryServer server = await Mica.RegistryServer.RegistryServer.StartAsync(
            options, ConfigureLogging, cancellationToken);
        await invocation.Output.WriteLineAsync($"Serving {server.Address} from {options.DataDirectory}");
        await invocation.Output.FlushAsync(cancellationToken);
        var ended = new TaskCompletionSource();
        await using (cancellationToken.Register(ended.SetResult))
        {
            await ended.Task;
        }

        return ExitCodes.Success;
    }

    /// <summary>One JSON object a line on standard error.</summary>
    private static void ConfigureLogging(ILoggingBuilder logging)
    {
        logging.AddJsonConsole(console =>
        {
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
        });
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }

    private static IPEndPoint ParseEndpoint(Invocation invocation, string text)
    {
        // ":5000" is every address, as for docker's programs.
        string whole = text.StartsWith(':') ? "0.0.0.0" + text : text.Replace("localhost:", "127.0.0.1:", StringComparison.Ordinal);
        return IPEndPoint.TryParse(whole, out IPEndPoint? endpoint) && whole.Contains(':', StringComparison.Ordinal)
            ? endpoint
            : throw invocation.Misuse($"invalid argument \"{text}\" for \"--listen\" flag: not ADDR:PORT");
    }
}
