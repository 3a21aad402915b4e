using System.Diagnostics;
using System.Globalization;
using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Protocol;
using Mica.RegistryServer.Upstream;
using Microsoft.AspNetCore.Connections;
using Mica.RegistryServer.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer;

/// <summary>From a request to its endpoint, with everything that all of them have in common: rights, errors, counts.</summary>
internal sealed partial class RegistryHandler(
    BlobEndpoint blobs, UploadEndpoint uploads, ManifestEndpoint manifests, ListEndpoint lists, JournalEndpoint journal, WebPages pages,
    AccessGate gate, Upstreams? upstreams, RegistryMetrics metrics, ILogger<RegistryHandler> log)
{
    public async Task HandleAsync(HttpContext context)
    {
        long started = Stopwatch.GetTimestamp();
        metrics.Begin();
        Route? route = null;
        try
        {
            if (await gate.TryAnswerAsync(context))
            {
                return;
            }

            if (WebPages.Takes(context.Request))
            {
                route = new Route(RouteKind.Page, "", "");
                await pages.HandleAsync(context, await gate.EnterAsync(context, route: null));
                return;
            }

            route = Route.Parse(context.Request.Path.Value ?? "");
            context.Response.Headers["Docker-Distribution-Api-Version"] = "registry/2.0";
            await DispatchAsync(context, route ?? throw new RefusedException(ErrorCode.NotFound, "there is no such address"));
        }
        catch (Exception failure)
        {
            await AnswerAsync(context, failure);
        }
        finally
        {
            gate.Note(context);
            metrics.End(route?.Kind ?? RouteKind.Base, context.Request.Method, context.Response.StatusCode, started);
        }
    }

    private async Task DispatchAsync(HttpContext context, Route route)
    {
        UpstreamRepository? upstream = null;
        if (upstreams is not null && route.Kind is not (RouteKind.Base or RouteKind.Catalog))
        {
            (upstream, route) = upstreams.Match(context, route);
        }

        var request = new ProtocolRequest(context, route, await gate.EnterAsync(context, route)) { Upstream = upstream };
        RequestTrail.Note(context, route, request.Principal.Name);
        if (route.Kind == RouteKind.Base && context.Request.Method is not ("GET" or "HEAD"))
        {
            throw request.MethodNotAllowed("GET, HEAD");
        }

        if (route.Kind is not (RouteKind.Base or RouteKind.Catalog))
        {
            if (!route.HasValidName)
            {
                throw new RefusedException(ErrorCode.NameInvalid, $"invalid repository name: \"{Printable.Of(route.Repository)}\"");
            }

            gate.Require(request);
            Upstreams.RefusePush(request);
        }

        await (route.Kind switch
        {
            RouteKind.Base => JsonAnswer.SendAsync(context, static writer =>
            {
                writer.WriteStartObject();
                writer.WriteEndObject();
            }),
            RouteKind.Blob => blobs.HandleAsync(request),
            RouteKind.UploadStart => uploads.StartAsync(request),
            RouteKind.Upload => uploads.HandleAsync(request),
            RouteKind.Manifest => manifests.HandleAsync(request),
            RouteKind.Tags => lists.TagsAsync(request),
            RouteKind.Referrers => lists.ReferrersAsync(request),
            RouteKind.Journal => journal.ListAsync(request),
            RouteKind.Undo => journal.UndoAsync(request),
            RouteKind.Catalog => lists.CatalogAsync(request),
            _ => throw new RefusedException(ErrorCode.NotFound, "there is no such address"),
        });
    }

    private async Task AnswerAsync(HttpContext context, Exception failure)
    {
        if (failure is ConnectionResetException || context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to read an answer.
            context.Abort();
            return;
        }

        RefusedException? refused = RefusedException.For(failure);
        (int status, string code) = refused?.Answer ?? (StatusCodes.Status500InternalServerError, "UNKNOWN");
        if (status >= StatusCodes.Status500InternalServerError)
        {
            Failed(log, context.Request.Method, Printable.Of(context.Request.Path.Value), failure.Message, refused is null ? failure : null);
        }

        if (context.Response.HasStarted)
        {
            // The client must not take what it has for the whole.
            context.Abort();
            return;
        }

        // What was meant for the content is not true of the error.
        context.Response.Headers.CacheControl = default;
        context.Response.Headers.ETag = default;
        if (status == StatusCodes.Status503ServiceUnavailable || refused?.RetryAfter is not null)
        {
            double seconds = refused?.RetryAfter is { } wait ? Math.Max(1, Math.Ceiling(wait.TotalSeconds)) : 5;
            context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        await JsonAnswer.SendErrorAsync(context, status, code, refused is null ? "this is a bug in the registry; its log has more" : Printable.Of(refused.Message));
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path}: {Reason}")]
    private static partial void Failed(ILogger log, string method, string path, string reason, Exception? bug);
}
