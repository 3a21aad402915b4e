using System.Text;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer;

/// <summary>
/// <c>/healthz</c>: the process lives. <c>/readyz</c>: it can serve; 503 with the reason if it cannot. <c>/metrics</c>: what
/// Prometheus scrapes. Nobody is asked for a name: there are none in the answers.
/// </summary>
/// <param name="readiness">Whether it can serve.</param>
/// <param name="metrics">What is counted.</param>
/// <param name="hasMetrics"><c>/metrics</c> is answered.</param>
/// <param name="ownPort">The port of the second listener, if there is one: <c>/metrics</c> is only there then.</param>
internal sealed class OperationsEndpoint(Readiness readiness, RegistryMetrics metrics, bool hasMetrics, Func<int?> ownPort)
{
    /// <summary>Answers if the request is for one of these addresses, or came where nothing else is answered.</summary>
    public async ValueTask<bool> TryAnswerAsync(HttpContext context)
    {
        bool isOwn = ownPort() is { } port && context.Connection.LocalPort == port;
        switch (context.Request.Path.Value)
        {
            case "/healthz":
                await SendAsync(context, StatusCodes.Status200OK, "ok\n");
                return true;
            case "/readyz":
                string? reason = await readiness.ReasonAsync(context.RequestAborted);
                await SendAsync(
                    context, reason is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable, $"{reason ?? "ready"}\n");
                return true;
            case "/metrics" when hasMetrics && (isOwn || ownPort() is null):
                await SendAsync(context, StatusCodes.Status200OK, metrics.Text(), "text/plain; version=0.0.4; charset=utf-8");
                return true;
            default:
                if (isOwn)
                {
                    await SendAsync(context, StatusCodes.Status404NotFound, "there is no such address\n");
                }

                return isOwn;
        }
    }

    private static async Task SendAsync(HttpContext context, int status, string text, string contentType = "text/plain; charset=utf-8")
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = "GET, HEAD";
            context.Response.ContentLength = 0;
            return;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = bytes.Length;
        context.Response.Headers.CacheControl = "no-store";
        if (HttpMethods.IsGet(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
        }
    }
}
