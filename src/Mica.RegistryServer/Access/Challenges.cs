using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Access;

/// <summary>What a 401 tells clients to get a token with. Docker registry token authentication, token.md; RFC 6750, section 3.</summary>
/// <param name="publicAddress">How clients reach the registry; null: as the request says.</param>
/// <param name="service">The registry's name in tokens.</param>
/// <param name="issuer">Somebody else who gives out tokens; null: the registry itself.</param>
internal sealed class Challenges(Uri? publicAddress, string service, TokenIssuerOptions? issuer)
{
    public const string InvalidToken = "invalid_token";
    public const string InsufficientScope = "insufficient_scope";

    /// <summary>The registry's address as the client knows it, without a slash at its end.</summary>
    public string BaseOf(HttpRequest request) =>
        publicAddress?.AbsoluteUri.TrimEnd('/')
        ?? $"{request.Scheme}://{(request.Host.HasValue ? request.Host.ToUriComponent() : $"{request.HttpContext.Connection.LocalIpAddress}:{request.HttpContext.Connection.LocalPort}")}";

    public void Set(HttpContext context, Route? route, string? error)
    {
        string realm = issuer?.Realm?.AbsoluteUri ?? BaseOf(context.Request) + "/token";
        string audience = issuer?.Realm is null ? service : issuer.Audience;
        string challenge = $"Bearer realm=\"{Quoted(realm)}\",service=\"{Quoted(audience)}\"";
        if (ScopeOf(context.Request, route) is { } scope)
        {
            challenge += $",scope=\"{scope}\"";
        }

        context.Response.Headers.WWWAuthenticate = error is null ? challenge : $"{challenge},error=\"{error}\"";
    }

    /// <summary>For programs that ask at the token endpoint itself.</summary>
    public void SetBasic(HttpContext context) => context.Response.Headers.WWWAuthenticate = $"Basic realm=\"{Quoted(service)}\",charset=\"UTF-8\"";

    private static string? ScopeOf(HttpRequest request, Route? route)
    {
        if (route is not { } known || known.Kind == RouteKind.Base)
        {
            return null;
        }

        if (known.Kind == RouteKind.Catalog)
        {
            return "registry:catalog:*";
        }

        if (!known.HasValidName)
        {
            return null;
        }

        string scope = $"repository:{known.Repository}:{ActionsOf(known.Kind, request.Method)}";
        return known.Kind == RouteKind.UploadStart && request.Query["from"] is [{ } source] && source != known.Repository && Route.IsName(source)
            ? $"{scope} repository:{source}:pull"
            : scope;
    }

    private static string ActionsOf(RouteKind kind, string method) => (kind, method) switch
    {
        (RouteKind.UploadStart or RouteKind.Upload, _) or (_, "PUT" or "POST" or "PATCH") => "pull,push",
        (_, "DELETE") => "delete",
        _ => "pull",
    };

    private static string Quoted(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
}
