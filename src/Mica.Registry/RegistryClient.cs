using System.Collections.Concurrent;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// Talks to registries (OCI distribution-spec v1.1, Docker registry API v2): owns the connections, the tokens and what is
/// known of each host. One per process is enough; safe for concurrent use. The repositories it made end with it.
/// </summary>
public sealed class RegistryClient : IAsyncDisposable
{
    /// <summary>Parts of split blobs in memory at once, for all blobs together.</summary>
    private const int MaxParts = 6;

    private readonly RegistryClientOptions _options;
    private readonly ConnectionPools _pools;
    private readonly HttpExchange _exchange;
    private readonly ConcurrentDictionary<(Uri Address, string Host, bool Insecure), Lazy<RegistryHost>> _hosts = new();
    private readonly RangePool _parts;

    /// <summary>Nothing is asked before it is needed.</summary>
    public RegistryClient(RegistryClientOptions options)
    {
        _options = options;
        _pools = new ConnectionPools(options);
        _exchange = new HttpExchange(_pools, options);
        _parts = new RangePool(options.RangeSize, MaxParts);
    }

    /// <summary>
    /// The repository that <paramref name="reference"/> names; its tag or digest chooses among mirrors, no more. Costs
    /// nothing by itself.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.PermissionDenied"/>: the registry is blocked by configuration.</exception>
    public RegistryRepository Repository(ImageReference reference, IProgress<ProgressEvent>? progress)
    {
        RepositoryEndpoint[] pull = [.. _options.Routing.Endpoints(reference, forPush: false).Select(Connect)];
        RepositoryEndpoint push = Connect(_options.Routing.Endpoints(reference, forPush: true)[^1]);
        return new RegistryRepository(reference, new PullEndpoints(pull, progress), push, _parts, _options,
            address => new RepositoryEndpoint(ForeignEndpoint(address), ForeignHost(address), reference, _options, progress));

        RepositoryEndpoint Connect(RegistryEndpoint endpoint) => new(endpoint, HostOf(endpoint), reference, _options, progress);
    }

    /// <summary>
    /// Proves <paramref name="credential"/> to a registry, as <c>login</c> does, and returns what is worth storing: the
    /// credential itself, or a refresh token that the registry gave in exchange for the password.
    /// </summary>
    /// <param name="host">Host and port as users write it, <c>docker.io</c> for Docker Hub.</param>
    /// <param name="credential">The one to prove.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="RegistryException"><see cref="ErrorKind.Unauthenticated"/>: the registry does not accept it.</exception>
    public async Task<Credential> CheckLoginAsync(string host, Credential credential, CancellationToken cancellationToken)
    {
        // Routing goes by repository; any will do, the registry itself is the last of its endpoints.
        RegistryEndpoint endpoint = _options.Routing.Endpoints(ImageReference.Parse($"{host}/library/any"), forPush: true)[^1];
        using var registry = new RegistryHost(endpoint, credentials: null, _exchange, _options);
        var request = new RegistryRequest(HttpMethod.Get, "/v2/", new RequestSubject(RegistryAction.Login, host, host, registry.Name));
        return await registry.CheckLoginAsync(credential, request, cancellationToken);
    }

    /// <summary>Closes the connections. Streams that are open fail.</summary>
    public ValueTask DisposeAsync()
    {
        _pools.Dispose();
        foreach (Lazy<RegistryHost> host in _hosts.Values.Where(host => host.IsValueCreated))
        {
            host.Value.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private RegistryHost HostOf(RegistryEndpoint endpoint) => _hosts.GetOrAdd(
        (endpoint.BaseAddress, endpoint.Host, endpoint.Insecure),
        _ => new Lazy<RegistryHost>(() => new RegistryHost(endpoint, _options.Credentials, _exchange, _options))).Value;

    /// <summary>A host that a foreign layer's address names: it is told nothing about us.</summary>
    private RegistryHost ForeignHost(Uri address) => _hosts.GetOrAdd(
        (new Uri(address.GetLeftPart(UriPartial.Authority)), "", false),
        _ => new Lazy<RegistryHost>(() => new RegistryHost(ForeignEndpoint(address), _exchange))).Value;

    private static RegistryEndpoint ForeignEndpoint(Uri address) => new()
    {
        BaseAddress = new Uri(address.GetLeftPart(UriPartial.Authority)),
        Host = address.Authority,
        RepositoryPath = "",
    };
}
