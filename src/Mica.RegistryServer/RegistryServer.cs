using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Collection;
using Mica.RegistryServer.Upstream;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer;

/// <summary>
/// A running registry: OCI distribution-spec v1.1 over HTTP, in this process. It serves until it is disposed; disposing lets
/// requests end in good order. What a push was answered with 201 is on the disk.
/// </summary>
public sealed class RegistryServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly RegistryParts _parts;
    private readonly RegistryServerOptions _options;
    private readonly RequestTraces? _traces;
    private bool _isDisposed;

    private RegistryServer(WebApplication application, RegistryParts parts, RegistryServerOptions options, RequestTraces? traces)
    {
        _application = application;
        _parts = parts;
        _options = options;
        _traces = traces;
    }

    /// <summary>Where it listens, with the port that it has got.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1/");

    /// <summary>What it has counted so far.</summary>
    internal RegistryMetrics Metrics => _parts.Metrics;

    /// <summary>Where it listens for <c>/metrics</c> and its like, if that is elsewhere.</summary>
    public Uri? OperationsAddress { get; private set; }

    /// <summary>Opens the data and starts to listen.</summary>
    /// <param name="options">How the registry is to be.</param>
    /// <param name="configureLogging">Where its log goes; nowhere without it.</param>
    /// <param name="cancellationToken">Ends the start, not the server.</param>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.Conflict"/>: another registry has the data, or another program the port.
    /// </exception>
    public static async Task<RegistryServer> StartAsync(
        RegistryServerOptions options, Action<ILoggingBuilder>? configureLogging, CancellationToken cancellationToken)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, options));
        builder.Logging.SetMinimumLevel(options.LogLevel);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);

        // While anybody listens to it, the host makes an activity and a scope for each request.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.ShutdownTimeout);
        builder.Services.AddSingleton<IHostLifetime, EndedByDisposal>();
        configureLogging?.Invoke(builder.Logging);

        // What a request does begins on the thread that has read it, without another hop.
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.UnsafePreferInlineScheduling = true);
        WebApplication application = builder.Build();
        ILoggerFactory logs = application.Services.GetRequiredService<ILoggerFactory>();
        RegistryParts parts = await RegistryParts.OpenAsync(options, logs, cancellationToken);
        RequestTraces? traces = options.TracesEndpoint is null ? null : new RequestTraces(options.TracesEndpoint);
        int? operationsPort = options.OperationsListen is { Port: not 0 } known ? known.Port : null;
        try
        {
            var operations = new OperationsEndpoint(parts.Readiness, parts.Metrics, options.Metrics, () => operationsPort);
            var observer = new RequestObserver(
                parts.Handler.HandleAsync, operations, options.AccessLog, traces, logs.CreateLogger<RequestObserver>());
            application.Run(observer.HandleAsync);
            await application.StartAsync(cancellationToken);
        }
        catch (Exception error)
        {
            await parts.DisposeAsync();
            await application.DisposeAsync();
            traces?.Dispose();
            if (error is not IOException)
            {
                throw;
            }

            throw new MicaException(ErrorKind.Conflict, $"{options.Listen}: {Printable.Of(error.InnerException?.Message ?? error.Message).ToLowerInvariant()}", error);
        }

        Uri[] addresses =
            [.. application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(text => new Uri(text))];
        operationsPort = options.OperationsListen is null ? null : addresses[1].Port;
        parts.StartWork();
        return new RegistryServer(application, parts, options, traces)
        {
            Address = addresses[0],
            OperationsAddress = addresses.ElementAtOrDefault(1),
        };
    }

    /// <summary>Removes at once what the next round of garbage collection would.</summary>
    public Task<CollectionReport> CollectAsync(CancellationToken cancellationToken) => _parts.Collector.RunAsync(cancellationToken);

    /// <summary>Copies at once what the next runs of sync would, from all entries.</summary>
    public async Task<SyncReport> SynchronizeAsync(CancellationToken cancellationToken) =>
        _parts.Synchronizer is { } synchronizer ? await synchronizer.RunAsync(isAll: true, cancellationToken) : new SyncReport();

    /// <summary>
    /// Says that it is not ready, and after <see cref="RegistryServerOptions.ShutdownDelay"/> takes no further connections and
    /// waits for the requests that are being answered, at most <see cref="RegistryServerOptions.ShutdownTimeout"/>.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true))
        {
            return;
        }

        _parts.Readiness.End();
        if (_options.ShutdownDelay > TimeSpan.Zero)
        {
            await Task.Delay(_options.ShutdownDelay, _options.Time);
        }

        await _application.StopAsync(CancellationToken.None);
        await _application.DisposeAsync();
        await _parts.DisposeAsync();
        _traces?.Dispose();
    }

    /// <summary>Signals are for the program to handle in which the registry runs.</summary>
    private sealed class EndedByDisposal : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private static void Configure(KestrelServerOptions kestrel, RegistryServerOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MaxRequestLineSize = 16 * 1024;
        TlsCertificates? certificates = options.Tls is { } tls
            ? new TlsCertificates(tls, options.Time, kestrel.ApplicationServices.GetRequiredService<ILogger<TlsCertificates>>())
            : null;
        kestrel.Listen(options.Listen, listen =>
        {
            if (certificates is not null)
            {
                listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(certificates.ForConnection()) });
            }
        });
        if (options.OperationsListen is { } operations)
        {
            kestrel.Listen(operations);
        }
    }
}
