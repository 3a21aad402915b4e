using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer.Access;

/// <summary>
/// Bearer tokens of issuers whose word is enough: what the <c>access</c> claim grants is granted. Docker registry token
/// authentication, jwt.md.
/// </summary>
internal sealed class ForeignTokens : IDisposable
{
    private static readonly TimeSpan s_skew = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_remembered = TimeSpan.FromMinutes(1);

    private readonly ImmutableArray<(TokenIssuerOptions Issuer, JsonWebKeys Keys)> _issuers;
    private readonly TimeProvider _time;
    private readonly ExpiringCache<Principal> _known;

    public ForeignTokens(ImmutableArray<TokenIssuerOptions> issuers, RemoteDocuments documents, TimeProvider time, ILogger log)
    {
        _issuers = [.. issuers.Select(issuer => (issuer, new JsonWebKeys(issuer.Jwks, documents, time, log)))];
        _time = time;
        _known = new ExpiringCache<Principal>(time, 10_000);
    }

    /// <summary>Whom the token stands for; null when none of the issuers has issued it, or it is not good now.</summary>
    public async ValueTask<Principal?> ReadAsync(string token, CancellationToken cancellationToken)
    {
        if (_issuers.IsEmpty || SignedToken.Peek(token) is not var (claimed, keyId))
        {
            return null;
        }

        if (_known.Find(token) is { } known)
        {
            return known;
        }

        foreach ((TokenIssuerOptions issuer, JsonWebKeys keys) in _issuers)
        {
            if (issuer.Issuer == claimed
                && await SignedToken.ValidateAsync(
                    token, issuer.Issuer, issuer.Audience, await keys.GetAsync(keyId, cancellationToken), s_skew, _time) is { } signed)
            {
                Principal principal = Of(signed);
                DateTimeOffset forget = _time.GetUtcNow() + s_remembered;
                DateTimeOffset expires = signed.Expires + s_skew;
                _known.Add(token, principal, forget < expires ? forget : expires);
                return principal;
            }
        }

        return null;
    }

    public void Dispose()
    {
        foreach ((_, JsonWebKeys keys) in _issuers)
        {
            keys.Dispose();
        }
    }

    private static Principal Of(SignedToken token)
    {
        var scope = TokenScope.Read(token.Payload);
        string? name = token.Text("sub");
        return new Principal(Principal.IsName(name) ? name! : "token", [])
        {
            Kind = PrincipalKind.Foreign,
            Grants = scope.Grants,
            HasCatalogGrant = scope.HasCatalog,
            IsVouchedFor = true,
        };
    }
}
