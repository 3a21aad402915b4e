using System.Text;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Metadata;
using Mica.Tests.Oci;
using Mica.Tests.Registry;

namespace Mica.Tests.RegistryServer.Upstream;

/// <summary>The real time, moved: timers run as ever.</summary>
public sealed class ShiftedTime : TimeProvider
{
    private long _ticks;

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddTicks(Interlocked.Read(ref _ticks));
}

/// <summary>A registry that is a cache of another one, <c>up</c>, which can be told to misbehave.</summary>
public sealed class CacheFixture : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mica-cache-");
    private Mica.RegistryServer.RegistryServer? _server;
    private HttpClient? _client;

    private CacheFixture(TestRegistry upstream)
    {
        Upstream = upstream;
        Options = new RegistryServerOptions
        {
            DataDirectory = _directory.FullName,
            Listen = new(System.Net.IPAddress.Loopback, 0),
            Time = Time,
            Upstreams = [new UpstreamOptions { Registry = $"http://{upstream.Host}", Prefix = "up" }],
        };
    }

    public TestRegistry Upstream { get; }

    public ShiftedTime Time { get; } = new();

    public RegistryServerOptions Options { get; private set; }

    public Mica.RegistryServer.RegistryServer Server => _server!;

    public HttpClient Client => _client!;

    internal RegistryMetrics Metrics => Server.Metrics;

    /// <summary>What is on its way.</summary>
    public string[] Fetching => Directory.GetFiles(Path.Combine(_directory.FullName, "fetching"));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<CacheFixture> StartAsync(Func<RegistryServerOptions, RegistryServerOptions>? configure = null)
    {
        var fixture = new CacheFixture(await TestRegistry.StartAsync());
        await fixture.RestartAsync(configure ?? (static options => options));
        return fixture;
    }

    public static Task<CacheFixture> StartAsync(Func<UpstreamOptions, UpstreamOptions> configure) =>
        StartAsync(options => options with { Upstreams = [configure(options.Upstreams[0])] });

    /// <summary>Starts the cache, anew if need be, over the same data.</summary>
    public async Task RestartAsync(Func<RegistryServerOptions, RegistryServerOptions> configure)
    {
        await StopAsync();
        Options = configure(Options);
        _server = await Mica.RegistryServer.RegistryServer.StartAsync(Options, configureLogging: null, Token);
        _client = new HttpClient { BaseAddress = _server.Address };
    }

    public async Task StopAsync()
    {
        _client?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
            _server = null;
        }
    }

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, "/v2/" + path);
        foreach ((string name, string value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
    }

    public Task<HttpResponseMessage> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<HttpResponseMessage> HeadAsync(string path) => SendAsync(HttpMethod.Head, path);

    public async Task<byte[]> BytesAsync(string path)
    {
        using HttpResponseMessage response = await GetAsync(path);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadAsByteArrayAsync(Token);
    }

    /// <summary>Waits until something has happened in the background.</summary>
    public static async Task UntilAsync(Func<Task<bool>> happened)
    {
        for (int waited = 0; !await happened(); waited++)
        {
            Assert.True(waited < 400, "it did not happen within 20 s");
            await Task.Delay(50, Token);
        }
    }

    public static Task UntilAsync(Func<bool> happened) => UntilAsync(() => Task.FromResult(happened()));

    /// <summary>Pushes a blob to a repository of the cache itself.</summary>
    public async Task PushAsync(string repository, Digest digest, byte[] content)
    {
        using var body = new ByteArrayContent(content);
        using HttpResponseMessage response = await Client.PostAsync($"/v2/{repository}/blobs/uploads/?digest={digest}", body, Token);
        response.EnsureSuccessStatusCode();
    }

    /// <summary>An image of some layers at the other registry.</summary>
    public SampleImage Add(string tag, int seed = 1, params int[] layers)
    {
        var image = SampleImage.Create(seed, layers);
        Upstream.Add("library/sample", image, tag);
        return image;
    }

    /// <summary>Something that refers to a manifest of the other registry.</summary>
    public Descriptor AddReferrer(Descriptor subject, string artifactType)
    {
        byte[] empty = Encoding.UTF8.GetBytes("{}");
        byte[] json = new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            ArtifactType = artifactType,
            Config = Descriptor.Of(MediaTypes.OciEmpty, empty),
            Layers = [Descriptor.Of(MediaTypes.OciEmpty, empty)],
            Subject = subject,
        }.ToJson();
        Descriptor descriptor = Descriptor.Of(MediaTypes.OciManifest, json);
        TestRepository repository = Upstream.Repository("library/sample");
        repository.Blobs[Digest.Of(empty)] = empty;
        repository.Manifests[descriptor.Digest] = (descriptor.MediaType, json);
        return descriptor;
    }

    /// <summary>An index over images of the other registry.</summary>
    public Descriptor AddIndex(string tag, params SampleImage[] images)
    {
        foreach (SampleImage image in images)
        {
            Upstream.Add("library/sample", image);
        }

        byte[] json = new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [.. images.Select(image => image.Manifest)] }.ToJson();
        Descriptor descriptor = Descriptor.Of(MediaTypes.OciIndex, json);
        TestRepository repository = Upstream.Repository("library/sample");
        repository.Manifests[descriptor.Digest] = (descriptor.MediaType, json);
        repository.Tags[tag] = descriptor.Digest;
        return descriptor;
    }

    /// <summary>The moves of a tag of the cache, newest first.</summary>
    internal async Task<List<TagMove>> JournalAsync(string repository, string tag)
    {
        await using SqliteDatabase database = await SqliteDatabase.OpenAsync(Path.Combine(_directory.FullName, "metadata.db"), Token);
        return await database.ReadAsync(session => TagRows.JournalAsync(session, repository, tag, long.MaxValue, 100), Token);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Upstream.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
