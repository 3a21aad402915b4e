using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Mica.Oci;
using Mica.RegistryServer;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Server = Mica.RegistryServer.RegistryServer;

namespace Mica.Tests.RegistryServer.Operations;

/// <summary>A registry in a directory of its own, a client, and its log.</summary>
internal sealed class OperatedRegistry : IAsyncDisposable
{
    private readonly LogLines _log = new();

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("mica-operated-").FullName;

    public RegistryServerOptions Options { get; private set; } = null!;

    public Server Server { get; private set; } = null!;

    public HttpClient Client { get; } = new(new SocketsHttpHandler { AllowAutoRedirect = false });

    public IEnumerable<string> Log => _log.Lines;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static async Task<OperatedRegistry> StartAsync(Func<RegistryServerOptions, RegistryServerOptions>? configure = null)
    {
        var registry = new OperatedRegistry();
        var options = new RegistryServerOptions { DataDirectory = registry.Directory, Listen = new IPEndPoint(IPAddress.Loopback, 0) };
        registry.Options = configure is null ? options : configure(options);
        registry.Server = await Server.StartAsync(registry.Options, logging => logging.AddProvider(registry._log), Cancelled);
        registry.Client.BaseAddress = registry.Server.Address;
        return registry;
    }

    public async Task<(int Status, string Text)> GetAsync(string path)
    {
        using HttpResponseMessage response = await Client.GetAsync(new Uri(path, UriKind.RelativeOrAbsolute), Cancelled);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(Cancelled));
    }

    public async Task<int> SendAsync(string method, string path, HttpContent? body = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path, UriKind.Relative)) { Content = body };
        using HttpResponseMessage response = await Client.SendAsync(request, Cancelled);
        return (int)response.StatusCode;
    }

    public async Task<Digest> PushBlobAsync(string repository, byte[] blob)
    {
        var digest = Digest.Of(blob);
        Assert.Equal(201, await SendAsync("POST", $"/v2/{repository}/blobs/uploads/?digest={digest}", new ByteArrayContent(blob)));
        return digest;
    }

    /// <summary>Pushes an index of nothing, which needs nothing.</summary>
    public async Task<Digest> PushAsync(string repository, string tag, string note = "")
    {
        byte[] content = Encoding.UTF8.GetBytes(
            $$$"""{"schemaVersion":2,"mediaType":"{{{MediaTypes.OciIndex}}}","manifests":[],"annotations":{"note":"{{{note}}}"}}""");
        using var body = new ByteArrayContent(content);
        body.Headers.Add("Content-Type", MediaTypes.OciIndex);
        Assert.Equal(201, await SendAsync("PUT", $"/v2/{repository}/manifests/{tag}", body));
        return Digest.Of(content);
    }

    /// <summary>The file with the only blob's bytes.</summary>
    public string BlobFile() => System.IO.Directory.GetFiles(Path.Combine(Directory, "blobs"), "*", SearchOption.AllDirectories).Single();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        _log.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private sealed class LogLines : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IEnumerable<string> Lines => _lines;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue($"{logLevel}: {formatter(state, exception)}");

        public void Dispose()
        {
        }
    }
}

/// <summary>What somebody posted.</summary>
internal sealed record Received(string Path, IHeaderDictionary Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>A server that takes posts, and answers as it is told.</summary>
internal sealed class PostReceiver : IAsyncDisposable
{
    private readonly ConcurrentQueue<Received> _received = new();
    private WebApplication _application = null!;

    public Uri Address { get; private set; } = null!;

    /// <summary>The status of an answer.</summary>
    public Func<Received, int> Answer { get; set; } = static _ => 204;

    public IReadOnlyCollection<Received> Received => _received;

    public static async Task<PostReceiver> StartAsync()
    {
        var receiver = new PostReceiver();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        receiver._application = builder.Build();
        receiver._application.Run(receiver.HandleAsync);
        await receiver._application.StartAsync(TestContext.Current.CancellationToken);
        receiver.Address = new Uri(receiver._application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return receiver;
    }

    /// <summary>Waits until so many posts have come.</summary>
    public async Task<Received[]> WaitAsync(int count)
    {
        for (int tries = 0; _received.Count < count && tries < 600; tries++)
        {
            await Task.Delay(25, TestContext.Current.CancellationToken);
        }

        Assert.True(_received.Count >= count, $"{_received.Count} of {count} posts came");
        return [.. _received];
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task HandleAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var headers = new HeaderDictionary();
        foreach ((string name, Microsoft.Extensions.Primitives.StringValues value) in context.Request.Headers)
        {
            headers[name] = value;
        }

        var received = new Received(context.Request.Path.Value!, headers, body.ToArray());
        int status = Answer(received);
        _received.Enqueue(received);
        context.Response.StatusCode = status;
    }
}
