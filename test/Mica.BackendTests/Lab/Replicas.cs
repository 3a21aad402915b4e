using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Mica.Oci;
using Mica.RegistryServer;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mica.BackendTests.Lab;

/// <summary>Registries that share one S3 store and one database, and a client of theirs.</summary>
public sealed class Replicas : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("mica-replicas-").FullName;
    private readonly List<RegistryServer.RegistryServer> _servers = [];
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = TimeSpan.FromMinutes(2) };

    private Replicas()
    {
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>What the registries logged as their own bugs.</summary>
    public ConcurrentQueue<string> Bugs { get; } = new();

    public IReadOnlyList<RegistryServer.RegistryServer> Servers => _servers;

    public S3Options S3 { get; private set; } = null!;

    public static async Task<Replicas> StartAsync(
        Backends backends, int count = 2, RegistryLimits? limits = null, Uri? s3 = null, Func<RegistryServerOptions, RegistryServerOptions>? change = null)
    {
        string database = await backends.CreateDatabaseAsync();
        var replicas = new Replicas { S3 = await backends.S3Async($"r{RandomNumberGenerator.GetHexString(8)}/", s3) };
        var options = new RegistryServerOptions
        {
            DataDirectory = replicas._directory,
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            S3 = replicas.S3,
            PostgreSql = database,
            Limits = limits ?? new RegistryLimits(),
            CollectionInterval = TimeSpan.FromHours(1),
            ShutdownTimeout = TimeSpan.FromSeconds(5),
        };
        options = change?.Invoke(options) ?? options;

        // All at once, on a database without tables.
        replicas._servers.AddRange(await Task.WhenAll(Enumerable.Range(0, count).Select(_ =>
            RegistryServer.RegistryServer.StartAsync(options, logging => logging.Services.AddSingleton<ILoggerProvider>(new BugLog(replicas.Bugs)), Token))));
        return replicas;
    }

    public Uri At(int replica, string address) => new(_servers[replica].Address, address);

    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, int replica, string address, HttpContent? content = null, Action<HttpRequestMessage>? change = null)
    {
        using var request = new HttpRequestMessage(method, At(replica, address)) { Content = content };
        change?.Invoke(request);
        return await _client.SendAsync(request, Token);
    }

    /// <summary>Begins an upload; tells its address.</summary>
    public async Task<string> BeginAsync(int replica, string repository)
    {
        using HttpResponseMessage answer = await SendAsync(HttpMethod.Post, replica, $"/v2/{repository}/blobs/uploads/");
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        return answer.Headers.Location!.OriginalString;
    }

    public Task<HttpResponseMessage> PatchAsync(int replica, string upload, byte[] bytes, long offset) =>
        SendAsync(HttpMethod.Patch, replica, upload, new ByteArrayContent(bytes)
        {
            Headers = { ContentRange = null, ContentType = new MediaTypeHeaderValue("application/octet-stream") },
        }, request => request.Content!.Headers.TryAddWithoutValidation("Content-Range", $"{offset}-{offset + bytes.Length - 1}"));

    public Task<HttpResponseMessage> CloseAsync(int replica, string upload, Digest digest) =>
        SendAsync(HttpMethod.Put, replica, $"{upload}?digest={digest}", new ByteArrayContent([]));

    /// <summary>Pushes a blob as containerd does.</summary>
    public async Task<HttpStatusCode> PushBlobAsync(int replica, string repository, byte[] bytes)
    {
        using HttpResponseMessage begun = await SendAsync(HttpMethod.Post, replica, $"/v2/{repository}/blobs/uploads/");
        if (begun.StatusCode != HttpStatusCode.Accepted)
        {
            return begun.StatusCode;
        }

        using HttpResponseMessage answer = await SendAsync(
            HttpMethod.Put, replica, $"{begun.Headers.Location!.OriginalString}?digest={Digest.Of(bytes)}", new ByteArrayContent(bytes));
        return answer.StatusCode;
    }

    public async Task<(HttpStatusCode Status, Digest Digest)> PushImageAsync(int replica, string repository, string tag, params byte[][] blobs)
    {
        string layers = string.Join(',', blobs[1..].Select(blob => Describe("application/vnd.oci.image.layer.v1.tar", blob)));
        byte[] manifest = System.Text.Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.OciManifest}}","config":{{Describe(MediaTypes.OciConfig, blobs[0])}},"layers":[{{layers}}]}""");
        using HttpResponseMessage answer = await SendAsync(HttpMethod.Put, replica, $"/v2/{repository}/manifests/{tag}", new ByteArrayContent(manifest)
        {
            Headers = { ContentType = new MediaTypeHeaderValue(MediaTypes.OciManifest) },
        });
        return (answer.StatusCode, Digest.Of(manifest));
    }

    public async Task<byte[]?> PullBlobAsync(int replica, string repository, Digest digest)
    {
        using HttpResponseMessage answer = await SendAsync(HttpMethod.Get, replica, $"/v2/{repository}/blobs/{digest}");
        return answer.StatusCode == HttpStatusCode.OK ? await answer.Content.ReadAsByteArrayAsync(Token) : null;
    }

    /// <summary>How many objects and unfinished uploads the store has for these registries.</summary>
    public async Task<int> CountObjectsAsync(Backends backends)
    {
        S3Options options = await backends.S3Async(S3.Prefix);
        using Amazon.S3.AmazonS3Client client = RegistryServer.Blobs.S3Requests.CreateClient(options);
        var objects = await client.ListObjectsV2Async(new() { BucketName = options.Bucket, Prefix = options.Prefix }, Token);
        var uploads = await client.ListMultipartUploadsAsync(new Amazon.S3.Model.ListMultipartUploadsRequest { BucketName = options.Bucket, Prefix = options.Prefix }, Token);
        return (objects.S3Objects?.Count ?? 0) + (uploads.MultipartUploads?.Count ?? 0);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        foreach (RegistryServer.RegistryServer server in _servers)
        {
            await server.DisposeAsync();
        }

        Directory.Delete(_directory, recursive: true);
    }

    private static string Describe(string type, byte[] blob) => $$"""{"mediaType":"{{type}}","digest":"{{Digest.Of(blob)}}","size":{{blob.Length}}}""";

    private sealed class BugLog(ConcurrentQueue<string> bugs) : ILoggerProvider, ILogger
    {
        /// <summary>Of what the web server says, a client that vanishes is the most part.</summary>
        public ILogger CreateLogger(string categoryName) => categoryName.StartsWith("Mica", StringComparison.Ordinal)
            ? this : Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            // The registry gives an exception only to what it takes for its own bug.
            if (exception is not null)
            {
                bugs.Enqueue(exception.ToString());
            }
        }

        public void Dispose()
        {
        }
    }
}
