using Mica.Oci;

namespace Mica.Registry;

/// <summary>One repository at one endpoint: addresses, scopes, names for errors, and another attempt where that may help.</summary>
internal sealed class RepositoryEndpoint(
    RegistryEndpoint endpoint, RegistryHost host, ImageReference reference, RegistryClientOptions options, IProgress<ProgressEvent>? progress)
{
    /// <summary>Attempts at a mirror, and at a host that never answered: there is something better to do than to wait.</summary>
    private const int FewAttempts = 2;

    private RateLimitSeen? _limit;

    public RegistryHost Host => host;

    public bool IsMirror => endpoint.IsMirror;

    /// <summary>The mirror is not asked any more: it could not be reached, or does not let us in.</summary>
    public bool IsDown { get; set; }

    /// <summary>A request to this repository; <paramref name="rest"/> is what follows its path.</summary>
    public RegistryRequest Request(HttpMethod method, string rest, RegistryAction action, string thing) => new(
        method, $"/v2/{endpoint.RepositoryPath}/{rest}", new RequestSubject(action, thing, reference.FamiliarName, host.Name))
    {
        Repository = endpoint.RepositoryPath,
        Scopes = action switch
        {
            RegistryAction.Push => TokenScopes.Push(endpoint.RepositoryPath),
            RegistryAction.Delete => TokenScopes.Delete(endpoint.RepositoryPath),
            _ => TokenScopes.Pull(endpoint.RepositoryPath),
        },
    };

    /// <summary>The name of content in errors: of a tag or a digest.</summary>
    public string NameOf(string target) => reference.FamiliarName + (target.Contains(':', StringComparison.Ordinal) ? "@" : ":") + target;

    public Attempts CreateAttempts(RegistryRequest request) => new(options, request.Subject.Object, progress);

    /// <summary>
    /// Sends the request until there is an answer that is not a passing failure, and reads it. <paramref name="read"/> may
    /// itself end in a transient <see cref="RegistryException"/>; then the request is sent again.
    /// </summary>
    public async Task<T> AskAsync<T>(
        RegistryRequest request, Func<HttpResponseMessage, ValueTask<T>> read, CancellationToken cancellationToken)
    {
        Attempts attempts = CreateAttempts(request);
        while (true)
        {
            RegistryException failure;
            try
            {
                using HttpResponseMessage response = await SendOnceAsync(request, cancellationToken);
                if (!RegistryErrors.IsTransient(response.StatusCode))
                {
                    return await read(response);
                }

                failure = await ErrorAsync(response, request, cancellationToken);
            }
            catch (RegistryException error) when (error.IsTransient)
            {
                failure = error;
            }

            await RecoverAsync(failure, attempts, cancellationToken);
        }
    }

    /// <summary>Waits for the next attempt.</summary>
    /// <exception cref="RegistryException"><paramref name="failure"/>: there is no other attempt.</exception>
    public Task RecoverAsync(RegistryException failure, Attempts attempts, CancellationToken cancellationToken)
    {
        attempts.Limit = IsMirror || !host.HasAnswered ? Math.Min(FewAttempts, options.MaxAttempts) : options.MaxAttempts;
        return attempts.AfterAsync(failure, cancellationToken);
    }

    /// <summary>One attempt.</summary>
    public async Task<HttpResponseMessage> SendOnceAsync(RegistryRequest request, CancellationToken cancellationToken)
    {
        HttpResponseMessage response = await host.SendAsync(request, cancellationToken);
        if (RateLimitHeaders.Of(response, host.Name) is { } limit && limit != _limit)
        {
            _limit = limit;
            progress?.Report(limit);
        }

        return response;
    }

    public Task<RegistryException> ErrorAsync(HttpResponseMessage response, RegistryRequest request, CancellationToken cancellationToken) =>
        host.ErrorAsync(response, request, cancellationToken);

    /// <exception cref="RegistryException">The answer is not a success.</exception>
    public async ValueTask CheckAsync(HttpResponseMessage response, RegistryRequest request, CancellationToken cancellationToken)
    {
        if (!response.IsSuccessStatusCode)
        {
            throw await ErrorAsync(response, request, cancellationToken);
        }
    }

    /// <summary>Checks that a registry stored what we meant.</summary>
    public static void CheckDigestHeader(HttpResponseMessage response, Digest expected, RegistryRequest request)
    {
        if (DigestHeader(response) is { } stored && stored.Algorithm == expected.Algorithm && stored != expected)
        {
            throw new RegistryException(ErrorKind.ContentMismatch,
                $"{request.Subject.Object}: {request.Subject.Host} stored it as {stored}, but it is {expected}");
        }
    }

    /// <summary><c>Docker-Content-Digest</c>, when it is there and one we know.</summary>
    public static Digest? DigestHeader(HttpResponseMessage response) =>
        response.Headers.NonValidated.TryGetValues("Docker-Content-Digest", out var values)
            && Digest.TryParse(values.ToString(), out Digest digest) ? digest : null;
}
