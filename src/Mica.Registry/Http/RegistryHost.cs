using System.Net;
using System.Net.Http.Headers;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>One registry host as one client knows it: how it is reached, what it lets us in with, what it can do.</summary>
internal sealed class RegistryHost : IDisposable
{
    private readonly HttpExchange _exchange;
    private readonly Authorizer? _authorizer;
    private readonly Uri _configured;
    private readonly string _certificatesOf;
    private volatile bool _plain;
    private volatile bool _secured;
    private volatile bool _answered;

    public RegistryHost(RegistryEndpoint endpoint, ICredentialSource? credentials, HttpExchange exchange, RegistryClientOptions options)
    {
        _exchange = exchange;
        _configured = endpoint.BaseAddress;
        _certificatesOf = endpoint.Host;
        IsLoopback = Loopback.Is(_configured);
        // Whoever can answer on a loopback port could answer without TLS as well. Who configures an authority means it.
        Verified = !endpoint.Insecure && !(IsLoopback && exchange.CertificatesOf(endpoint.Host).Authorities.IsEmpty);
        _authorizer = new Authorizer(endpoint.Host, credentials, new TokenExchange(exchange, Verified), options.Time);
    }

    /// <summary>A host outside any registry, which is told nothing about us, whatever it asks for.</summary>
    public RegistryHost(RegistryEndpoint endpoint, HttpExchange exchange)
    {
        _exchange = exchange;
        _configured = endpoint.BaseAddress;
        _certificatesOf = endpoint.Host;
        IsLoopback = Loopback.Is(_configured);
        Verified = true;
    }

    /// <summary>Scheme, host and port, as they turned out to be.</summary>
    public Uri Address => !_plain || _configured.Scheme == "http" ? _configured
        : new UriBuilder(_configured) { Scheme = "http", Port = _configured.IsDefaultPort ? 80 : _configured.Port }.Uri;

    /// <summary>Host and port, for messages.</summary>
    public string Name => Address.Authority;

    public bool IsLoopback { get; }

    /// <summary>Whether its certificate, and those of where it sends us, must be trusted.</summary>
    public bool Verified { get; }

    /// <summary>Whether it has answered anything yet; until then it may be a name with a typing error.</summary>
    public bool HasAnswered => _answered;

    /// <summary>It ignored a range; set by who saw it.</summary>
    public bool IgnoresRanges { get; set; }

    /// <summary>It does not take a blob in one POST; set by who saw it.</summary>
    public bool WantsTwoStepUploads { get; set; }

    /// <summary>Entered for a change of a list of referrers that is kept under a tag: read, change, write, with no lock over there.</summary>
    public SemaphoreSlim ReferrerUpdates { get; } = new(1);

    /// <summary>Sends a request with what the host lets us in with, following redirects. The answer may be an error.</summary>
    /// <exception cref="RegistryException">No answer, or no token.</exception>
    public async Task<HttpResponseMessage> SendAsync(RegistryRequest request, CancellationToken cancellationToken)
    {
        if (_authorizer is null)
        {
            return await SendAsync(request, authorization: null, cancellationToken);
        }

        AuthenticationHeaderValue? authorization = await _authorizer.PrepareAsync(request, cancellationToken);
        HttpResponseMessage response = await SendAsync(request, authorization, cancellationToken);
        if (response.StatusCode != HttpStatusCode.Unauthorized || !IsHome(response))
        {
            return response;
        }

        try
        {
            IReadOnlyList<Challenge> challenges = Challenge.Of(response);
            if (await _authorizer.AnswerAsync(challenges, request, authorization, cancellationToken) is { } better)
            {
                response.Dispose();
                response = await SendAsync(request, better, cancellationToken);
            }

            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    /// <summary>Proves a credential by a look at <c>/v2/</c>. Returns what is worth keeping: the credential, or a token for it.</summary>
    public Task<Credential> CheckLoginAsync(Credential credential, RegistryRequest request, CancellationToken cancellationToken) =>
        new LoginCheck(this, _authorizer!).RunAsync(credential, request, cancellationToken);

    /// <summary>The error that an answer of this host stands for.</summary>
    public async Task<RegistryException> ErrorAsync(HttpResponseMessage response, RegistryRequest request, CancellationToken cancellationToken)
    {
        string hint = _authorizer?.HintFor(request.Repository) ?? "";
        // The token was good but not for this: what registries mean by 403.
        bool denied = response.StatusCode == HttpStatusCode.Unauthorized
            && Challenge.Of(response).Any(challenge => challenge["error"] == "insufficient_scope");
        if (!denied)
        {
            return await RegistryErrors.OfAsync(response, request.Subject, hint, cancellationToken);
        }

        ErrorBody body = await ErrorBody.ReadAsync(response, cancellationToken);
        return RegistryErrors.Of(HttpStatusCode.Forbidden, body with { Message = "" }, request.Subject, hint, retryAfter: null);
    }

    /// <summary>
    /// The address that a <c>Location</c> of this host means. Behind a proxy that ends TLS, registries give out their own
    /// address with http; where host and port are ours, https stays https.
    /// </summary>
    public Uri Locate(HttpResponseMessage response, RegistryRequest request)
    {
        if (response.Headers.Location is not { } location || !Uri.TryCreate(response.RequestMessage!.RequestUri, location, out Uri? address))
        {
            throw new RegistryException(ErrorKind.Failed, $"{request.Subject.Object}: {Name} does not say where the upload goes");
        }

        bool downgraded = Address.Scheme == "https" && address.Scheme == "http" && address.IdnHost == Address.IdnHost
            && (address.Port == Address.Port || address.IsDefaultPort);
        address = downgraded ? new UriBuilder(address) { Scheme = "https", Port = Address.Port }.Uri : address;
        bool refused = address.Scheme is not ("http" or "https") || address.UserInfo.Length > 0
            || (Verified && Address.Scheme == "https" && address.Scheme == "http");
        return refused
            ? throw new RegistryException(ErrorKind.Failed,
                $"{request.Subject.Object}: {Name} sends the upload to {Printable.Of(address.GetLeftPart(UriPartial.Authority))}, which is not followed")
            : address;
    }

    /// <summary>The address of a path here. Taken as a relative reference, one that begins with two slashes would name another host.</summary>
    public Uri At(string pathAndQuery) => new(Address.GetLeftPart(UriPartial.Authority) + pathAndQuery);

    /// <inheritdoc/>
    public void Dispose()
    {
        _authorizer?.Dispose();
        ReferrerUpdates.Dispose();
    }

    /// <summary>Whether this host itself gave the answer, and not one it redirected to.</summary>
    public bool IsHome(HttpResponseMessage response) => HttpExchange.IsSameOrigin(response.RequestMessage!.RequestUri!, Address);

    internal async Task<HttpResponseMessage> SendAsync(
        RegistryRequest request, AuthenticationHeaderValue? authorization, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;
        try
        {
            response = await SendOnceAsync(request, authorization, cancellationToken);
        }
        catch (RegistryException error) when (FallBack(error, request))
        {
            response = await SendOnceAsync(request, authorization, cancellationToken);
        }

        _answered = true;
        _secured |= Address.Scheme == "https";
        return await _exchange.FollowAsync(response, request, authorization, Address, _certificatesOf, Verified, cancellationToken);
    }

    private Task<HttpResponseMessage> SendOnceAsync(
        RegistryRequest request, AuthenticationHeaderValue? authorization, CancellationToken cancellationToken)
    {
        Uri address = request.Target.StartsWith('/') ? At(request.Target) : new Uri(request.Target);
        return HttpExchange.IsSameOrigin(address, Address)
            ? _exchange.SendAsync(request, address, authorization, _certificatesOf, Verified, cancellationToken)
            : _exchange.SendAsync(request, address, authorization: null, address.Authority, Verified, cancellationToken);
    }

    /// <summary>Goes over to plain http where that is allowed and https never worked. Never back, never later.</summary>
    private bool FallBack(RegistryException error, RegistryRequest request)
    {
        if (Verified || _secured || _configured.Scheme != "https" || !request.Target.StartsWith('/') || error.InnerException is not { } inner)
        {
            return false;
        }

        // Several first requests may fail so at once; all of them are repeated.
        bool plain = TransportErrors.NoTls(inner) || (_configured.IsDefaultPort && TransportErrors.Refused(inner));
        _plain |= plain;
        return plain;
    }
}
