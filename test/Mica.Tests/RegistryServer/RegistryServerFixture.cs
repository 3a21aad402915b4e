using System.Net;
using Mica.RegistryServer;
using Microsoft.Extensions.Logging;
using Server = Mica.RegistryServer.RegistryServer;

namespace Mica.Tests.RegistryServer;

/// <summary>A registry of its own in a temporary directory, on a free port of loopback, and a client of it.</summary>
public sealed class RegistryServerFixture : IAsyncDisposable
{
    private readonly Func<RegistryServerOptions, RegistryServerOptions> _configure;
    private readonly bool _ownsDirectory;
    private Server _server = null!;

    private RegistryServerFixture(string directory, bool ownsDirectory, Func<RegistryServerOptions, RegistryServerOptions> configure)
    {
        Directory = directory;
        _ownsDirectory = ownsDirectory;
        _configure = configure;
    }

    /// <summary>What the registry keeps lies here.</summary>
    public string Directory { get; }

    public Server Server => _server;

    /// <summary>Follows no redirect, keeps no cookie and sends no header by itself. A new one after each start.</summary>
    public HttpClient Client { get; private set; } = null!;

    /// <summary>What the registry logged.</summary>
    public LoggedLines Log { get; } = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Starts a registry.</summary>
    /// <param name="configure">Changes the options; the address and the directory are set already.</param>
    /// <param name="directory">A directory that stays; null: one of its own that goes with the fixture.</param>
    public static async Task<RegistryServerFixture> StartAsync(
        Func<RegistryServerOptions, RegistryServerOptions>? configure = null, string? directory = null)
    {
        var fixture = new RegistryServerFixture(
            directory ?? System.IO.Directory.CreateTempSubdirectory("mica-registry-").FullName, directory is null, configure ?? (static options => options));
        try
        {
            await fixture.StartServerAsync();
            return fixture;
        }
        catch
        {
            fixture.RemoveDirectory();
            throw;
        }
    }

    /// <summary>Ends the registry in good order and starts it on the same data, as <see cref="Client"/> and at another port.</summary>
    public async Task RestartAsync()
    {
        Client.Dispose();
        await _server.DisposeAsync();
        await StartServerAsync();
    }

    /// <summary>Sends a request with a body, if there is one, and any headers, none of which is checked.</summary>
    public async Task<HttpResponseMessage> SendAsync(
        string method, string path, HttpContent? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path, UriKind.RelativeOrAbsolute)) { Content = body };
        foreach ((string name, string value) in headers)
        {
            if (!name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase) || !request.Headers.TryAddWithoutValidation(name, value))
            {
                bool isSet = request.Headers.TryAddWithoutValidation(name, value) || (body?.Headers.TryAddWithoutValidation(name, value) ?? false);
                Assert.True(isSet, $"the header {name} needs a body");
            }
        }

        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancelled);
    }

    public Task<HttpResponseMessage> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync("GET", path, null, headers);

    /// <summary>Sends a request and wants this status; for what only prepares a test.</summary>
    public async Task<HttpResponseMessage> ExpectAsync(
        HttpStatusCode status, string method, string path, HttpContent? body = null, params (string Name, string Value)[] headers)
    {
        HttpResponseMessage response = await SendAsync(method, path, body, headers);
        Assert.True(
            response.StatusCode == status,
            $"{method} {path}: {(int)response.StatusCode}, not {(int)status}: {await response.Content.ReadAsStringAsync(Cancelled)}");
        return response;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _server.DisposeAsync();
        RemoveDirectory();
    }

    private async Task StartServerAsync()
    {
        RegistryServerOptions options = _configure(new RegistryServerOptions { DataDirectory = Directory, Listen = new IPEndPoint(IPAddress.Loopback, 0) });
        _server = await Server.StartAsync(options, logging => logging.AddProvider(Log), Cancelled);
        Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false })
        {
            BaseAddress = _server.Address,
            Timeout = TimeSpan.FromMinutes(1),
        };
    }

    private void RemoveDirectory()
    {
        if (_ownsDirectory)
        {
            System.IO.Directory.Delete(Directory, recursive: true);
        }
    }
}
