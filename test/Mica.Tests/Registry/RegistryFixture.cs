using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.Registry;

/// <summary>A test registry and clients of it whose waits take no time.</summary>
public sealed class RegistryFixture : IAsyncLifetime
{
    private readonly List<RegistryClient> _clients = [];
    private TestRegistry? _registry;

    public TestRegistry Registry => _registry ?? throw new InvalidOperationException("not initialized");

    /// <summary>Jumps over every wait, and remembers it.</summary>
    public FakeTimeProvider Time { get; } = new() { SkipDelays = true };

    /// <summary>What the repositories report.</summary>
    public ProgressLog Progress { get; } = new();

    public X509Certificate2? Certificate { get; init; }

    public X509Certificate2? ClientAuthority { get; init; }

    public RegistryClientOptions Options => new() { Time = Time, Version = "1.2.3", Jitter = new Random(1) };

    public async ValueTask InitializeAsync() => _registry = await TestRegistry.StartAsync(Certificate, ClientAuthority);

    public async ValueTask DisposeAsync()
    {
        foreach (RegistryClient client in _clients)
        {
            await client.DisposeAsync();
        }

        await Registry.DisposeAsync();
    }

    /// <summary>The repository <c>library/sample</c>, or another, by a new client.</summary>
    public RegistryRepository Repository(RegistryClientOptions? options = null, string path = "library/sample") =>
        Client(options).Repository(Reference(path), Progress);

    public RegistryClient Client(RegistryClientOptions? options = null)
    {
        var client = new RegistryClient(options ?? Options);
        _clients.Add(client);
        return client;
    }

    public ImageReference Reference(string path = "library/sample") => ImageReference.Parse($"{Registry.Host}/{path}");
}

/// <summary>Keeps every event, in order.</summary>
public sealed class ProgressLog : IProgress<ProgressEvent>
{
    private readonly ConcurrentQueue<ProgressEvent> _events = new();

    public IEnumerable<ProgressEvent> Events => _events;

    public IEnumerable<T> Of<T>() => _events.OfType<T>();

    public void Report(ProgressEvent value) => _events.Enqueue(value);
}

/// <summary>One credential for everything, and a count of how often it was asked for.</summary>
public sealed class FixedCredential(Credential? credential) : ICredentialSource
{
    private int _asked;

    public int Asked => _asked;

    public ValueTask<Credential?> FindAsync(string registryHost, string repositoryPath, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _asked);
        return ValueTask.FromResult(credential);
    }
}

internal static class ContentSourceReading
{
    /// <summary>Opens the content and reads it to its end.</summary>
    public static async Task<byte[]> ReadAllAsync(this IContentSource source, Descriptor descriptor)
    {
        await using Stream stream = await source.OpenAsync(descriptor, TestContext.Current.CancellationToken);
        var copy = new MemoryStream();
        await stream.CopyToAsync(copy, TestContext.Current.CancellationToken);
        return copy.ToArray();
    }
}
