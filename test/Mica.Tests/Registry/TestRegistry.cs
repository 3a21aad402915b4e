using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Mica.Oci;
using Mica.Tests.Oci;

namespace Mica.Tests.Registry;

/// <summary>A request that came in, for assertions.</summary>
public sealed record SeenRequest(string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers, string Protocol)
{
    public string? Authorization => Headers.GetValueOrDefault("Authorization");

    public string? Range => Headers.GetValueOrDefault("Range");

    public override string ToString() => $"{Method} {Path}{Query}";
}

/// <summary>
/// A registry in this process on a loopback port of its own: the distribution protocol over blobs in memory, with
/// <see cref="Behaviour"/> to make it old, odd or broken, and <see cref="Intercept"/> for single faults.
/// </summary>
public sealed class TestRegistry : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly List<Interception> _interceptions = [];
    private readonly TestRegistryProtocol _protocol;

    private TestRegistry(WebApplication app, bool tls)
    {
        _app = app;
        Scheme = tls ? "https" : "http";
        _protocol = new TestRegistryProtocol(this);
    }

    /// <summary><c>http</c> or <c>https</c>.</summary>
    public string Scheme { get; }

    /// <summary>Host and port, as a reference's domain.</summary>
    public string Host => $"127.0.0.1:{Port}";

    public int Port { get; private set; }

    public Uri Address => new($"{Scheme}://{Host}");

    public TestRegistryBehaviour Behaviour { get; } = new();

    /// <summary>Who may do what; null (the default) lets everybody do everything.</summary>
    public TestAuth? Auth { get; set; }

    /// <summary>What each repository holds, by path.</summary>
    public ConcurrentDictionary<string, TestRepository> Repositories { get; } = new();

    /// <summary>Everything that was asked, in order of arrival.</summary>
    public ConcurrentQueue<SeenRequest> Requests { get; } = new();

    /// <param name="certificate">Speaks TLS with this certificate.</param>
    /// <param name="clientAuthority">Demands a client certificate that this authority signed.</param>
    public static async Task<TestRegistry> StartAsync(X509Certificate2? certificate = null, X509Certificate2? clientAuthority = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        if (certificate is not null)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                if (certificate is not null)
                {
                    listen.UseHttps(certificate, https => RequireClientCertificate(https, clientAuthority));
                }
            });
        });
        var registry = new TestRegistry(builder.Build(), certificate is not null);
        registry._app.Run(registry.HandleAsync);
        await registry._app.StartAsync(TestContext.Current.CancellationToken);
        string bound = registry._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        registry.Port = new Uri(bound).Port;
        return registry;
    }

    public TestRepository Repository(string path) => Repositories.GetOrAdd(path, _ => new TestRepository());

    /// <summary>Puts an image into a repository without the protocol.</summary>
    public void Add(string path, SampleImage image, string? tag = null)
    {
        TestRepository repository = Repository(path);
        foreach (Descriptor blob in image.Layers.Append(image.Config))
        {
            repository.Blobs[blob.Digest] = image[blob];
        }

        repository.Manifests[image.Manifest.Digest] = (image.Manifest.MediaType, image[image.Manifest]);
        if (tag is not null)
        {
            repository.Tags[tag] = image.Manifest.Digest;
        }
    }

    /// <summary>
    /// Lets <paramref name="act"/> take the next <paramref name="times"/> requests of <paramref name="method"/> whose path
    /// contains <paramref name="path"/>; it may call the protocol's own answer, its second argument.
    /// </summary>
    public void Intercept(string method, string path, int times, Func<HttpContext, Func<Task>, Task> act)
    {
        lock (_interceptions)
        {
            _interceptions.Add(new Interception(method, path, act) { Left = times });
        }
    }

    /// <summary>Answers the next <paramref name="times"/> such requests with a status and a text.</summary>
    public void Answer(
        string method, string path, int times, int status, string body = "", params (string Name, string Value)[] headers) =>
        Intercept(method, path, times, async (context, _) =>
        {
            foreach ((string name, string value) in headers)
            {
                context.Response.Headers[name] = value;
            }

            context.Response.StatusCode = status;
            if (!HttpMethods.IsHead(context.Request.Method))
            {
                await context.Response.WriteAsync(body, context.RequestAborted);
            }
        });

    /// <summary>The requests of one method whose path contains a text.</summary>
    public SeenRequest[] Seen(string method, string path = "") =>
        [.. Requests.Where(request => request.Method == method && request.Path.Contains(path, StringComparison.Ordinal))];

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private static void RequireClientCertificate(HttpsConnectionAdapterOptions https, X509Certificate2? authority)
    {
        if (authority is not null)
        {
            https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            https.ClientCertificateValidation = (client, _, _) => TestCertificates.IsSignedBy(client, authority);
        }
    }

    private async Task HandleAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        Requests.Enqueue(new SeenRequest(request.Method, request.Path, request.QueryString.ToString(),
            request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase),
            request.Protocol));
        if (Take(request) is { } interception)
        {
            await interception.Act(context, () => _protocol.HandleAsync(context));
        }
        else
        {
            await _protocol.HandleAsync(context);
        }
    }

    private Interception? Take(HttpRequest request)
    {
        lock (_interceptions)
        {
            Interception? found = _interceptions.FirstOrDefault(candidate => candidate.Left > 0
                && candidate.Method == request.Method
                && (request.Path + request.QueryString.ToString()).Contains(candidate.Path, StringComparison.Ordinal));
            if (found is not null)
            {
                found.Left--;
            }

            return found;
        }
    }

    private sealed class Interception(string method, string path, Func<HttpContext, Func<Task>, Task> act)
    {
        public string Method => method;

        public string Path => path;

        public Func<HttpContext, Func<Task>, Task> Act => act;

        public int Left { get; set; }
    }
}

/// <summary>One repository's content. Tests may put in what they like, wrong bytes too.</summary>
public sealed class TestRepository
{
    public ConcurrentDictionary<Digest, byte[]> Blobs { get; } = new();

    public ConcurrentDictionary<Digest, (string MediaType, byte[] Content)> Manifests { get; } = new();

    public ConcurrentDictionary<string, Digest> Tags { get; } = new();
}
