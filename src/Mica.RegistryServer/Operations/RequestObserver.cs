using System.Diagnostics;
using Mica.Oci;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer;

/// <summary>
/// What surrounds every request: a line in the log and a span of a trace, where they are wanted. Neither has what a query
/// or a header says, in which there may be secrets.
/// </summary>
internal sealed partial class RequestObserver(
    RequestDelegate answer, OperationsEndpoint operations, AccessLogging logging, RequestTraces? traces, ILogger<RequestObserver> log)
{
    private readonly bool _isLogged = logging != AccessLogging.None && log.IsEnabled(LogLevel.Information);

    public async Task HandleAsync(HttpContext context)
    {
        if (await operations.TryAnswerAsync(context))
        {
            return;
        }

        if (!_isLogged && traces is null)
        {
            await answer(context);
            return;
        }

        long started = Stopwatch.GetTimestamp();
        var trail = new RequestTrail();
        context.Features.Set(trail);
        using Activity? span = traces?.Start(context.Request);
        try
        {
            await answer(context);
        }
        finally
        {
            if (span is not null)
            {
                RequestTraces.Finish(span, context, trail);
            }

            if (_isLogged && (logging == AccessLogging.All || IsChange(context)))
            {
                Write(context, trail, Stopwatch.GetElapsedTime(started));
            }
        }
    }

    /// <summary>It changes something or it failed. That something is not there is no failure: clients ask before they push.</summary>
    private static bool IsChange(HttpContext context) =>
        !(HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method))
        || (context.Response.StatusCode >= StatusCodes.Status400BadRequest && context.Response.StatusCode != StatusCodes.Status404NotFound);

    private void Write(HttpContext context, RequestTrail trail, TimeSpan took)
    {
        HttpRequest request = context.Request;
        string method = Printable.Of(request.Method);
        string path = Printable.Of(request.Path.Value);
        string who = Printable.Of(trail.Who ?? "-");
        string client = context.Connection.RemoteIpAddress?.ToString() ?? "-";
        long bytesIn = request.ContentLength ?? 0;
        long bytesOut = HttpMethods.IsHead(request.Method) ? 0 : context.Response.ContentLength ?? 0;
        double milliseconds = Math.Round(took.TotalMilliseconds, 3);
        bool isAborted = context.RequestAborted.IsCancellationRequested;
        Answered(log, method, path, context.Response.StatusCode, bytesIn, bytesOut, milliseconds, who, client, isAborted);
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Method} {Path} {Status}: {BytesIn} bytes in, {BytesOut} out, {Milliseconds} ms, {Who} at {Client}, aborted {Aborted}")]
    private static partial void Answered(
        ILogger log, string method, string path, int status, long bytesIn, long bytesOut, double milliseconds, string who, string client, bool aborted);
}
