using System.Collections.Immutable;
using Mica.Oci;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace Mica.RegistryServer.Access;

/// <summary>An OpenID Connect provider: where it is, from its discovery document, and whom its ID tokens name.</summary>
/// <param name="options">The provider.</param>
/// <param name="isWanted">Whether a group matters to any rule; others are left out, so that tokens stay small.</param>
/// <param name="isTaken">Whether a name is that of a user of ours: people choose their names at a provider, and must not choose those.</param>
/// <param name="documents">Fetches.</param>
/// <param name="time">The clock.</param>
/// <param name="log">For what fails.</param>
internal sealed class OpenIdIssuer(
    OpenIdConnectOptions options, Func<string, bool> isWanted, Func<string, bool> isTaken, RemoteDocuments documents, TimeProvider time, ILogger log) : IDisposable
{
    private const int MaxGroups = 100;

    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_skew = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _fetching = new(1);
    private volatile Known? _known;
    private DateTimeOffset _tried;

    public OpenIdConnectOptions Options => options;

    /// <summary>The discovery document. OpenID Connect Discovery 1.0, section 4.</summary>
    /// <exception cref="MicaException">It cannot be had, and never could, or is another issuer's.</exception>
    public async Task<OpenIdConnectConfiguration> ConfigurationAsync(CancellationToken cancellationToken) =>
        (await GetAsync(cancellationToken)).Configuration;

    /// <summary>Who the ID token says that somebody is; null when it is not good, not for us, or not the answer to <paramref name="nonce"/>.</summary>
    /// <exception cref="MicaException">The provider cannot be reached.</exception>
    public async Task<Principal?> ReadAsync(string token, string? nonce, CancellationToken cancellationToken)
    {
        if (SignedToken.Peek(token) is not var (_, keyId))
        {
            return null;
        }

        Known known = await GetAsync(cancellationToken);
        SignedToken? signed = await SignedToken.ValidateAsync(
            token, known.Configuration.Issuer, options.ClientId, await known.Keys.GetAsync(keyId, cancellationToken), s_skew, time);
        if (signed is null
            || (signed.Text("azp") is { } party && party != options.ClientId)
            || (nonce is not null && signed.Text("nonce") != nonce)
            || (options.NameClaim == "email" && !signed.IsTrue("email_verified"))
            || signed.Text(options.NameClaim) is not { } name || !Principal.IsName(name) || isTaken(name))
        {
            return null;
        }

        ImmutableArray<string> groups = [.. signed.Texts(options.GroupsClaim).Where(isWanted).Take(MaxGroups)];
        return new Principal(name, groups) { Kind = PrincipalKind.OpenId };
    }

    public void Dispose()
    {
        _known?.Keys.Dispose();
        _fetching.Dispose();
    }

    private async Task<Known> GetAsync(CancellationToken cancellationToken)
    {
        DateTimeOffset now = time.GetUtcNow();
        if (_known is { } known && now - known.Fetched < s_lifetime)
        {
            return known;
        }

        await _fetching.WaitAsync(cancellationToken);
        try
        {
            if (_known is { } old && (now - old.Fetched < s_lifetime || now - _tried < s_pause))
            {
                return old;
            }

            _tried = now;
            try
            {
                return _known = await FetchAsync(now, cancellationToken);
            }
            catch (MicaException) when (_known is not null)
            {
                // What it said before is still likely to be right.
                return _known;
            }
        }
        finally
        {
            _fetching.Release();
        }
    }

    private async Task<Known> FetchAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        string issuer = options.Issuer.AbsoluteUri.TrimEnd('/');
        string text = await documents.ReadAsync(issuer + "/.well-known/openid-configuration", cancellationToken);
        OpenIdConnectConfiguration configuration;
        try
        {
            configuration = OpenIdConnectConfiguration.Create(text);
        }
        catch (ArgumentException error)
        {
            throw new MicaException(ErrorKind.Unavailable, $"{issuer}: its discovery document is malformed", error);
        }

        if (configuration.Issuer?.TrimEnd('/') != issuer || string.IsNullOrEmpty(configuration.JwksUri))
        {
            throw new MicaException(ErrorKind.Unavailable, $"{issuer}: its discovery document is that of another issuer");
        }

        JsonWebKeys keys = _known is { } known && known.Configuration.JwksUri == configuration.JwksUri
            ? known.Keys
            : new JsonWebKeys(configuration.JwksUri, documents, time, log);
        return new Known(configuration, keys, now);
    }

    private sealed record Known(OpenIdConnectConfiguration Configuration, JsonWebKeys Keys, DateTimeOffset Fetched);
}
