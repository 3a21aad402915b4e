using System.Collections.Concurrent;
using System.Net;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>The endpoints that a repository is read from: mirrors in their order, the registry itself last.</summary>
internal sealed class PullEndpoints(IReadOnlyList<RepositoryEndpoint> endpoints, IProgress<ProgressEvent>? progress)
{
    private readonly ConcurrentDictionary<(string Mirror, string Reason), bool> _told = new();

    /// <summary>Those that are worth asking.</summary>
    public IReadOnlyList<RepositoryEndpoint> Usable => [.. endpoints.Where(endpoint => !endpoint.IsDown)];

    /// <summary>The registry itself.</summary>
    public RepositoryEndpoint Last => endpoints[^1];

    /// <summary>The first answer that is not null; what a mirror lacks or fails at, the next one is asked for.</summary>
    /// <exception cref="MicaException">The failure of the registry itself.</exception>
    public async ValueTask<T?> FirstAsync<T>(Func<RepositoryEndpoint, ValueTask<T?>> ask)
        where T : class
    {
        foreach (RepositoryEndpoint endpoint in Usable)
        {
            try
            {
                if (await ask(endpoint) is { } answer)
                {
                    return answer;
                }

                Tell(endpoint, "not found there");
            }
            catch (MicaException error) when (endpoint.IsMirror)
            {
                Skip(endpoint, error);
            }
        }

        return null;
    }

    /// <summary>Notes that a mirror failed.</summary>
    public void Skip(RepositoryEndpoint mirror, MicaException error)
    {
        // What it lacks or has damaged is about one blob; no way in is about all of them.
        mirror.IsDown |= error is RegistryException { Status: null, Kind: ErrorKind.Unavailable }
            or RegistryException { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden };
        Tell(mirror, error.Message);
    }

    private void Tell(RepositoryEndpoint endpoint, string reason)
    {
        if (endpoint.IsMirror && _told.TryAdd((endpoint.Host.Name, reason), true))
        {
            progress?.Report(new MirrorSkipped(endpoint.Host.Name, reason));
        }
    }
}
