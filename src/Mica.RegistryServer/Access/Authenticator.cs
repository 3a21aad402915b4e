using System.Net.Http.Headers;
using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Access;

/// <summary>From a request to who sent it. What is wrong is refused, even where nothing would have been needed.</summary>
internal sealed class Authenticator(
    Passwords? passwords,
    HtpasswdFile? users,
    Robots robots,
    RegistryTokens tokens,
    TokenKey key,
    ForeignTokens foreign,
    OpenIdIssuer? openId,
    Sessions sessions,
    UserGroups groups)
{
    private const string Wrong = "the name or the password is wrong";

    /// <summary>Who sent the request, by its header, its client certificate, or, for reading, its session.</summary>
    /// <exception cref="RefusedException">The header is wrong, or the address has been wrong too often.</exception>
    public async Task<Principal> AuthenticateAsync(HttpContext context)
    {
        string? header = context.Request.Headers.Authorization;
        if (string.IsNullOrEmpty(header))
        {
            return ByCertificate(context) ?? (sessions.Read(context) is { } session ? await ResolveAsync(session, context.RequestAborted) : null)
                ?? Principal.Anonymous;
        }

        Caller.Of(context).HasCredential = true;
        return IsBearer(header)
            ? await ByTokenAsync(header["Bearer ".Length..].Trim(), context.RequestAborted)
            : await ByPasswordAsync(context, header);
    }

    /// <summary>The same without tokens: who asks for a token must not do so by a narrower one.</summary>
    /// <exception cref="RefusedException">The header is wrong, or the address has been wrong too often.</exception>
    public async Task<Principal> AuthenticateForTokenAsync(HttpContext context)
    {
        string? header = context.Request.Headers.Authorization;
        if (string.IsNullOrEmpty(header))
        {
            return ByCertificate(context) ?? Principal.Anonymous;
        }

        Caller.Of(context).HasCredential = true;
        return await ByPasswordAsync(context, header);
    }

    /// <summary>Who has the name and the password.</summary>
    /// <exception cref="RefusedException">Nobody, or the address has been wrong too often.</exception>
    public async Task<Principal> CheckAsync(HttpContext context, BasicCredential credential)
    {
        CancellationToken cancellationToken = context.RequestAborted;
        Caller.Of(context).HasCredential = true;
        if (credential.Name.StartsWith(Robots.Prefix, StringComparison.Ordinal))
        {
            return await robots.CheckAsync(credential.Name[Robots.Prefix.Length..], credential.Password, cancellationToken) is { } robot
                ? groups.Of(robot)
                : throw new RefusedException(ErrorCode.Unauthorized, Wrong);
        }

        if (openId is not null && SignedToken.IsForm(credential.Password))
        {
            return await openId.ReadAsync(credential.Password, nonce: null, cancellationToken) is { } person
                ? groups.Of(person)
                : throw new RefusedException(ErrorCode.Unauthorized, Wrong);
        }

        if (passwords is not null
            && await passwords.CheckAsync(credential.Name, credential.Password, RequestLimits.AddressOf(context), cancellationToken) is { } hash)
        {
            return User(credential.Name, hash);
        }

        Caller.Of(context).Claimed = users?.Find(credential.Name) is null ? null : credential.Name;
        throw new RefusedException(ErrorCode.Unauthorized, Wrong);
    }

    /// <summary>Whom a token or session was made for, if that is still somebody with the same password.</summary>
    public async ValueTask<Principal?> ResolveAsync(TokenContent token, CancellationToken cancellationToken) => token.Kind switch
    {
        PrincipalKind.Anonymous => Principal.Anonymous,
        PrincipalKind.User => users?.Find(token.Name) is { } hash && token.Proof == key.ProofOf(hash) ? User(token.Name, hash) : null,
        PrincipalKind.Robot => await robots.FindAsync(token.Name[Robots.Prefix.Length..], token.Proof, cancellationToken) is { } robot ? groups.Of(robot) : null,
        PrincipalKind.OpenId => openId is null ? null : groups.Of(new Principal(token.Name, token.Groups) { Kind = token.Kind }),
        PrincipalKind.Certificate => groups.Of(new Principal(token.Name, []) { Kind = token.Kind }),
        _ => null,
    };

    private static bool IsBearer(string header) => header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase);

    private Principal? ByCertificate(HttpContext context) =>
        ClientCertificates.NameOf(context) is { } name ? groups.Of(new Principal(name, []) { Kind = PrincipalKind.Certificate }) : null;

    private Principal User(string name, string hash) => groups.Of(new Principal(name, []) { Proof = key.ProofOf(hash) });

    private async Task<Principal> ByPasswordAsync(HttpContext context, string header) =>
        AuthenticationHeaderValue.TryParse(header, out AuthenticationHeaderValue? value)
        && string.Equals(value.Scheme, "Basic", StringComparison.OrdinalIgnoreCase)
        && BasicCredential.Parse(value) is { } credential
            ? await CheckAsync(context, credential)
            : throw new RefusedException(ErrorCode.Unauthorized, "the Authorization header is malformed, or of a scheme that is not taken here");

    private async Task<Principal> ByTokenAsync(string text, CancellationToken cancellationToken)
    {
        if (await tokens.ReadAsync(text) is { } token && await ResolveAsync(token, cancellationToken) is { } owner)
        {
            return owner with { Grants = token.Scope.Grants, HasCatalogGrant = token.Scope.HasCatalog };
        }

        return await foreign.ReadAsync(text, cancellationToken)
            ?? throw new RefusedException(ErrorCode.Unauthorized, "the token is not good, or no longer");
    }
}
