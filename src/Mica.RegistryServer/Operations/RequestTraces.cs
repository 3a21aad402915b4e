using System.Diagnostics;
using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Mica.RegistryServer;

/// <summary>
/// Spans of requests, sent by OTLP over HTTP. A request with a <c>traceparent</c> goes on with its trace, and is only recorded
/// when that is. Names are those of OpenTelemetry's semantic conventions for HTTP servers, v1.23.
/// </summary>
internal sealed class RequestTraces : IDisposable
{
    private const string SourceName = "Mica.RegistryServer";

    // Its own, not one for the process: another registry in it may have no traces.
    private readonly ActivitySource _source = new(SourceName);
    private readonly TracerProvider _provider;

    /// <param name="endpoint">Where they go; <c>/v1/traces</c> is added when there is no path.</param>
    public RequestTraces(Uri endpoint)
    {
        Uri address = endpoint.AbsolutePath == "/" ? new Uri(endpoint, "/v1/traces") : endpoint;
        _provider = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService("mica-registry"))
            .AddSource(SourceName)
            .AddOtlpExporter(exporter =>
            {
                exporter.Endpoint = address;
                exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
            })
            .Build();
    }

    public Activity? Start(HttpRequest request)
    {
        ActivityContext.TryParse(request.Headers.TraceParent, request.Headers.TraceState, isRemote: true, out ActivityContext parent);
        string method = KnownMethod(request.Method);
        Activity? span = _source.StartActivity(method, ActivityKind.Server, parent);
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag("http.request.method", method);
            span.SetTag("url.scheme", request.Scheme);
            span.SetTag("url.path", request.Path.Value);
            span.SetTag("server.address", request.Host.Host);
            span.SetTag("server.port", request.Host.Port);
            span.SetTag("network.protocol.version", request.Protocol["HTTP/".Length..]);
            span.SetTag("client.address", request.HttpContext.Connection.RemoteIpAddress?.ToString());
            if (request.Headers.UserAgent is [{ } agent])
            {
                span.SetTag("user_agent.original", agent);
            }
        }

        return span;
    }

    public static void Finish(Activity span, HttpContext context, RequestTrail trail)
    {
        if (!span.IsAllDataRequested)
        {
            return;
        }

        int status = context.Response.StatusCode;
        span.SetTag("http.response.status_code", status);
        if (RouteOf(trail.Kind) is { } route)
        {
            span.DisplayName = $"{KnownMethod(context.Request.Method)} {route}";
            span.SetTag("http.route", route);
        }

        if (trail.Repository is not null)
        {
            span.SetTag("mica.registry.repository", trail.Repository);
        }

        if (status >= StatusCodes.Status500InternalServerError)
        {
            span.SetTag("error.type", status.ToString(System.Globalization.CultureInfo.InvariantCulture));
            span.SetStatus(ActivityStatusCode.Error);
        }
        else if (context.RequestAborted.IsCancellationRequested)
        {
            span.SetTag("error.type", "aborted");
        }
    }

    /// <summary>Sends what has not been sent, for some seconds at most.</summary>
    public void Dispose()
    {
        _provider.ForceFlush(5000);
        _provider.Dispose();
        _source.Dispose();
    }

    private static string KnownMethod(string method) => method is "GET" or "HEAD" or "POST" or "PUT" or "PATCH" or "DELETE" ? method : "_OTHER";

    private static string? RouteOf(RouteKind? kind) => kind switch
    {
        RouteKind.Base => "/v2/",
        RouteKind.Blob => "/v2/{name}/blobs/{digest}",
        RouteKind.UploadStart => "/v2/{name}/blobs/uploads/",
        RouteKind.Upload => "/v2/{name}/blobs/uploads/{id}",
        RouteKind.Manifest => "/v2/{name}/manifests/{reference}",
        RouteKind.Tags => "/v2/{name}/tags/list",
        RouteKind.Referrers => "/v2/{name}/referrers/{digest}",
        RouteKind.Catalog => "/v2/_catalog",
        _ => null,
    };
}
