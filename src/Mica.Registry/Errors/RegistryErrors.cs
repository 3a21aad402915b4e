using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>The one table from the answers of registries and token servers to errors.</summary>
internal static class RegistryErrors
{
    private const string Denied = "requested access to the resource is denied";

    /// <summary>
    /// The error that an answer stands for. Reads the body. <paramref name="hint"/> is about the credential that was used, in
    /// parentheses, for an answer that wants another one.
    /// </summary>
    public static async Task<RegistryException> OfAsync(
        HttpResponseMessage response, RequestSubject subject, string hint, CancellationToken cancellationToken)
    {
        ErrorBody body = await ErrorBody.ReadAsync(response, cancellationToken);
        return Of(response.StatusCode, body, subject, hint, RetryAfterOf(response));
    }

    public static RegistryException Of(
        HttpStatusCode status, ErrorBody body, RequestSubject subject, string hint, TimeSpan? retryAfter)
    {
        (ErrorKind kind, string message) = Describe(status, body, subject, hint);
        return new RegistryException(kind, message)
        {
            Status = status,
            Codes = body.Codes,
            RetryAfter = retryAfter,
            IsTransient = IsTransient(status),
        };
    }

    /// <summary>The error for a name that nothing has: what a 404 without a body means.</summary>
    public static RegistryException NotFound(RequestSubject subject) =>
        Of(HttpStatusCode.NotFound, new ErrorBody([], "manifest unknown"), subject, "", null);

    /// <summary>The wait that the answer asks for.</summary>
    public static TimeSpan? RetryAfterOf(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when response.Headers.Date is { } now => date > now ? date - now : TimeSpan.Zero,
        _ => null,
    };

    /// <summary>
    /// Whether asking again may help. The specification calls 500 terminal, but it is what overloaded registries send.
    /// </summary>
    public static bool IsTransient(HttpStatusCode status) => status
        is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or HttpStatusCode.InternalServerError
        or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;

    private static (ErrorKind Kind, string Message) Describe(HttpStatusCode status, ErrorBody body, RequestSubject subject, string hint)
    {
        string said = body.Message;
        string because = said.Length > 0 ? $": {said}" : "";
        if (status == HttpStatusCode.TooManyRequests || body.Codes.Contains("TOOMANYREQUESTS"))
        {
            return (ErrorKind.Unavailable, $"{subject.Object}: toomanyrequests: {(said.Length > 0 ? said : "too many requests to " + subject.Host)}");
        }

        if (status == HttpStatusCode.Forbidden || body.Codes.Contains("DENIED"))
        {
            return (ErrorKind.PermissionDenied, AccessDenied(subject, said.Length > 0 ? said : Denied) + hint);
        }

        return status switch
        {
            HttpStatusCode.Unauthorized => (ErrorKind.Unauthenticated,
                $"{subject.Object}: unauthorized: {(said.Length > 0 ? said : "authentication required")}{hint}"),
            HttpStatusCode.NotFound => (ErrorKind.NotFound, $"{subject.Object}: not found in {subject.Host}{(said.Length > 0 ? $" ({said})" : "")}"),
            HttpStatusCode.MethodNotAllowed => (ErrorKind.Unsupported, subject.Action == RegistryAction.Delete
                ? $"{subject.Object}: {subject.Host} does not allow deleting{because}"
                : $"{subject.Object}: {subject.Host} does not support this{because}"),
            HttpStatusCode.Conflict => (ErrorKind.Conflict, $"{subject.Object}: conflict in {subject.Host}{because}"),
            HttpStatusCode.RequestEntityTooLarge => (ErrorKind.Failed, $"{subject.Object}: too big for {subject.Host}{because}"),
            HttpStatusCode.RequestedRangeNotSatisfiable => (ErrorKind.ContentMismatch, $"{subject.Object}: {subject.Host} has fewer bytes of it than promised"),
            HttpStatusCode.BadRequest => (KindOf(body.Codes), $"{subject.Object}: refused by {subject.Host}{because}{CodesOf(body)}"),
            >= HttpStatusCode.InternalServerError => (ErrorKind.Unavailable, $"{subject.Object}: {subject.Host} failed with {Text(status)}{because}"),
            _ => (ErrorKind.Failed, $"{subject.Object}: {subject.Host} answered {Text(status)}{because}"),
        };
    }

    private static string AccessDenied(RequestSubject subject, string said) => subject.Action switch
    {
        RegistryAction.Pull =>
            $"pull access denied for {subject.Repository}, repository does not exist or may require 'mica login': denied: {said}",
        RegistryAction.Push =>
            $"push access denied for {subject.Repository}, repository does not exist or may require authorization: denied: {said}",
        _ => $"{subject.Object}: denied: {said}",
    };

    private static ErrorKind KindOf(ImmutableArray<string> codes) =>
        codes.Any(code => code is "DIGEST_INVALID" or "SIZE_INVALID" or "MANIFEST_UNVERIFIED") ? ErrorKind.ContentMismatch
        : codes.Any(code => code is "NAME_INVALID" or "TAG_INVALID") ? ErrorKind.InvalidArgument
        : codes.Any(code => code is "UNSUPPORTED") ? ErrorKind.Unsupported
        : ErrorKind.Failed;

    private static string CodesOf(ErrorBody body) =>
        body.Codes.Length > 0 ? $" ({body.Codes[0].Replace('_', ' ').ToLowerInvariant()})" : "";

    private static string Text(HttpStatusCode status) => status switch
    {
        HttpStatusCode.InternalServerError => "500 internal server error",
        HttpStatusCode.BadGateway => "502 bad gateway",
        HttpStatusCode.ServiceUnavailable => "503 service unavailable",
        HttpStatusCode.GatewayTimeout => "504 gateway timeout",
        _ => ((int)status).ToString(CultureInfo.InvariantCulture),
    };
}
