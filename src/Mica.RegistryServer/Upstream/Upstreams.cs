using System.Collections.Immutable;
using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer.Upstream;

/// <summary>
/// The registries that this one is a cache of, all through one address: <c>HOST/docker.io/library/alpine</c> by the first part
/// of the name, and <c>library/alpine</c> with <c>?ns=docker.io</c>, as clients with mirrors ask. OCI distribution-spec,
/// #registry-proxying.
/// </summary>
internal sealed class Upstreams : IAsyncDisposable
{
    private const long Batch = 500;

    private readonly ImmutableDictionary<string, UpstreamRegistry> _byPrefix;
    private readonly ImmutableDictionary<string, UpstreamRegistry> _byHost;
    private readonly MetadataDatabase _metadata;
    private readonly Uri? _ownAddress;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopping = new();

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: the options of an upstream cannot be.</exception>
    public Upstreams(
        RegistryServerOptions options, MetadataDatabase metadata, ManifestStore manifests, BlobStore blobs, Uploads uploads,
        AccessPolicy access, RegistryMetrics metrics, ILogger<Upstreams> log)
    {
        ImmutableArray<UpstreamRegistry> all =
        [
            .. options.Upstreams.Select(each => new UpstreamRegistry(each, options.UpstreamClient, options.Time)),
        ];
        _byPrefix = Index(all, static registry => registry.Prefix);
        _byHost = Index(all, static registry => registry.Host);
        (_metadata, _ownAddress, _time) = (metadata, options.PublicAddress, options.Time);
        Manifests = new UpstreamManifests(metadata, manifests, new TagRules(options.ImmutableTags), metrics, options.Time, _stopping.Token);
        Blobs = new UpstreamBlobs(
            Path.Combine(options.DataDirectory, "fetching"), metadata, blobs, uploads, access, options.Limits, metrics, log, _stopping.Token);
        Lists = new UpstreamLists(metadata, metrics, options.Time, _stopping.Token);
    }

    public UpstreamManifests Manifests { get; }

    public UpstreamBlobs Blobs { get; }

    public UpstreamLists Lists { get; }

    /// <summary>
    /// The repository of another registry that a request means, and the route with the name that it has here. Null for a
    /// repository of this registry.
    /// </summary>
    /// <exception cref="RefusedException">No such registry, or none of its repositories, is fetched from.</exception>
    public (UpstreamRepository? Repository, Route Route) Match(HttpContext context, Route route)
    {
        string? source = context.Request.Query.TryGetValue("ns", out var values) && values is [{ Length: > 0 } value, ..] ? value : null;
        if (source is not null && source != context.Request.Host.Value && source != _ownAddress?.Authority)
        {
            UpstreamRegistry registry = _byHost.GetValueOrDefault(source)
                ?? throw new RefusedException(ErrorCode.NameUnknown, $"ns={Printable.Of(source)}: this registry does not fetch from there");
            context.Response.Headers["OCI-Namespace"] = source;
            return Match(registry, route.Repository, route);
        }

        int end = route.Repository.IndexOf('/', StringComparison.Ordinal);
        return end > 0 && _byPrefix.TryGetValue(route.Repository[..end], out UpstreamRegistry? prefixed)
            ? Match(prefixed, route.Repository[(end + 1)..], route)
            : (null, route);
    }

    /// <summary>Refuses what would change a copy into something else than a copy.</summary>
    public static void RefusePush(ProtocolRequest request)
    {
        if (request.Upstream is { } upstream && request.Request.Method is not ("GET" or "HEAD" or "DELETE"))
        {
            throw new RefusedException(
                ErrorCode.Denied, $"{request.Repository} holds copies from {upstream.Registry.Host} and takes no pushes; push there");
        }
    }

    /// <summary>Lets go of what was not pulled for long.</summary>
    public async Task ExpireAsync(CancellationToken cancellationToken)
    {
        long now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (UpstreamRegistry registry in _byPrefix.Values.Where(registry => registry.KeepUnpulled > TimeSpan.Zero))
        {
            long before = now - (long)registry.KeepUnpulled.TotalMilliseconds;
            while (await _metadata.WriteAsync(
                session => UpstreamRows.ExpireAsync(session, registry.Prefix, before, now, Batch), cancellationToken) > 0)
            {
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Manifests.EndAsync();
        await Blobs.EndAsync();
        await Lists.EndAsync();
        foreach (UpstreamRegistry registry in _byPrefix.Values)
        {
            await registry.DisposeAsync();
        }

        _stopping.Dispose();
    }

    private static ImmutableDictionary<string, UpstreamRegistry> Index(ImmutableArray<UpstreamRegistry> all, Func<UpstreamRegistry, string> key)
    {
        IGrouping<string, UpstreamRegistry>? twice = all.GroupBy(key, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1);
        return twice is not null
            ? throw new MicaException(ErrorKind.InvalidArgument, $"two upstreams are called {twice.Key}")
            : all.ToImmutableDictionary(key, StringComparer.Ordinal);
    }

    private (UpstreamRepository? Repository, Route Route) Match(UpstreamRegistry registry, string name, Route route)
    {
        if (!Route.IsName(name))
        {
            return (null, route);
        }

        string remote = registry.Resolve(name)
            ?? throw new RefusedException(ErrorCode.NameUnknown, $"{Printable.Of(name)} is not fetched from {registry.Host}");
        var repository = new UpstreamRepository(this, registry, remote, route.Repository);
        return (repository, route with { Repository = repository.Name });
    }
}

/// <summary>A repository of another registry.</summary>
/// <param name="Upstreams">All of them.</param>
/// <param name="Registry">Where it is.</param>
/// <param name="Remote">Its full name there.</param>
/// <param name="Asked">The name in the request.</param>
internal sealed record UpstreamRepository(Upstreams Upstreams, UpstreamRegistry Registry, string Remote, string Asked)
{
    /// <summary>Its name here.</summary>
    public string Name { get; } = $"{Registry.Prefix}/{Remote}";
}
