using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer;

/// <summary>What a request turned out to be, for the log and the trace. It is a feature of the request when either wants it.</summary>
internal sealed class RequestTrail
{
    private Route? _route;

    public RouteKind? Kind => _route?.Kind;

    /// <summary>Null for none, and for what cannot be one.</summary>
    public string? Repository => _route is { Repository.Length: > 0, HasValidName: true } route ? route.Repository : null;

    public string? Who { get; private set; }

    /// <summary>Notes what the handler has found out; costs nothing when nobody wants to know.</summary>
    public static void Note(HttpContext context, Route route, string who)
    {
        if (context.Features.Get<RequestTrail>() is not { } trail)
        {
            return;
        }

        trail._route = route;
        trail.Who = who;
    }
}
