using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Access;

/// <summary>What every request has to pass: who it is from, how many there were, and whether this one is allowed.</summary>
/// <param name="policy">Who may do what.</param>
/// <param name="limits">How many requests.</param>
/// <param name="doors">How to come in; null when nobody is asked who they are.</param>
internal sealed class AccessGate(AccessPolicy policy, RequestLimits limits, AccessDoors? doors)
{
    public AccessPolicy Policy => policy;

    /// <summary>People can log in at <c>/login</c>.</summary>
    public bool HasSignIn => doors?.SignIn is not null;

    /// <summary>Answers requests for tokens and logins; false when the request is neither.</summary>
    public async Task<bool> TryAnswerAsync(HttpContext context)
    {
        switch (context.Request.Path.Value)
        {
            case "/token" when doors is not null:
                await doors.Tokens.HandleAsync(context);
                return true;
            case "/token/keys" when doors is not null:
                limits.Take(Principal.Anonymous, context);
                await JsonAnswer.SendAsync(context, doors.Key.WriteTo, "application/jwk-set+json");
                return true;
            case "/login" or "/login/callback" or "/logout" when doors?.SignIn is { } signIn:
                limits.Take(Principal.Anonymous, context);
                await signIn.HandleAsync(context);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Finds out whose request it is.</summary>
    /// <param name="context">The request.</param>
    /// <param name="route">Where it goes in the protocol; null for other addresses.</param>
    /// <exception cref="RefusedException">What it says of itself is wrong, or it is one too many, or it has to say something.</exception>
    public async ValueTask<Principal> EnterAsync(HttpContext context, Route? route)
    {
        Principal principal;
        try
        {
            principal = doors is null ? WithoutDoors(context) : await doors.Authenticator.AuthenticateAsync(context);
        }
        catch (RefusedException refused) when (refused.Code == ErrorCode.Unauthorized)
        {
            limits.Take(Principal.Anonymous, context);
            bool isToken = context.Request.Headers.Authorization.ToString().StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase);
            doors!.Challenges.Set(context, route, isToken ? Challenges.InvalidToken : null);
            throw;
        }

        if (doors is not null)
        {
            Caller.Of(context).Principal = principal;
        }

        limits.Take(principal, context);
        return route?.Kind switch
        {
            // Clients ask here whether there is anything to log in to.
            RouteKind.Base when doors is not null && principal is { IsAnonymous: true, Grants: null } => throw Challenge(context, route, principal),
            RouteKind.Catalog when !policy.IsOpen => ForCatalog(context, route, principal),
            _ => principal,
        };
    }

    /// <exception cref="RefusedException">The principal may not do what the request is for.</exception>
    public void Require(ProtocolRequest request)
    {
        if (IsAllowed(request, policy.Of(request.Principal, request.Repository)))
        {
            return;
        }

        // A token that says too little can be exchanged for one that says more; a person's rights cannot.
        bool isNarrowed = request.Principal.Grants is not null
            && (request.Principal.IsVouchedFor || IsAllowed(request, policy.Of(request.Principal with { Grants = null }, request.Repository)));
        throw isNarrowed || request.Principal.IsAnonymous
            ? Challenge(request.Context, request.Route, request.Principal)
            : new RefusedException(ErrorCode.Denied, $"{request.Principal.Name} may not do this in {request.Repository}");
    }

    /// <summary>Notes how the request was answered.</summary>
    public void Note(HttpContext context) => doors?.Audit.Add(context);

    private static bool IsAllowed(ProtocolRequest request, Rights has) => (request.Route.Kind, request.Request.Method) switch
    {
        (RouteKind.UploadStart or RouteKind.Upload, _) or (RouteKind.Manifest, "PUT") => (has & (Rights.Create | Rights.Update)) != 0,
        // It moves a tag, or makes one that was removed.
        (RouteKind.Undo, _) => (has & (Rights.Create | Rights.Update)) == (Rights.Create | Rights.Update),
        (_, "DELETE") => (has & Rights.Delete) != 0,
        _ => (has & Rights.Read) != 0,
    };

    private static Principal WithoutDoors(HttpContext context) =>
        ClientCertificates.NameOf(context) is { } name ? new Principal(name, []) { Kind = PrincipalKind.Certificate } : Principal.Anonymous;

    /// <summary>A token that is for listing lists what its owner may read, whatever repositories it names.</summary>
    private Principal ForCatalog(HttpContext context, Route? route, Principal principal)
    {
        bool mayList = principal.Grants is null ? !principal.IsAnonymous || policy.IsPublic : principal.HasCatalogGrant;
        return !mayList ? throw Challenge(context, route, principal)
            : principal.Grants is null ? principal
            : principal with { Grants = null };
    }

    private RefusedException Challenge(HttpContext context, Route? route, Principal principal)
    {
        doors?.Challenges.Set(context, route, principal.Grants is null ? null : Challenges.InsufficientScope);
        return new RefusedException(
            ErrorCode.Unauthorized,
            principal.Grants is not null ? "the token does not cover this" : "authentication required");
    }
}
