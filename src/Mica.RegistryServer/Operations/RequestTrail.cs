using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer;

/// <summary>What a request turned out to be, for the log and the trace. It is a feature of the request when either wants it.</summary>
internal sealed class RequestTrail
{
    public RouteKind? Kind { get; private set; }

    public string? Repository { get; private set; }

    public string? Who { get; private set; }

    /// <summary>Notes what the handler has found out; costs nothing when nobody wants to know.</summary>
    public static void Note(HttpContext context, Route route, string who)
    {
        if (context.Features.Get<RequestTrail>() is not { } trail)
        {
            return;
        }

        trail.Kind = route.Kind;
        trail.Repository = route.Repository.Length > 0 && route.HasValidName ? route.Repository : null;
        trail.Who = who;
    }
}
