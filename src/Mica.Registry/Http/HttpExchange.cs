using System.Net;
using System.Net.Http.Headers;
using System.Runtime.ExceptionServices;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>Sends one message and follows redirects, never taking credentials or a secure connection's secrecy elsewhere.</summary>
internal sealed class HttpExchange(ConnectionPools pools, RegistryClientOptions options)
{
    private const int MaxRedirects = 5;

    private static readonly StringWithQualityHeaderValue s_identity = new("identity");

    /// <summary>
    /// One message, one answer, of which only the headers have been read. <paramref name="host"/> is its name in errors and the
    /// key of its certificates.
    /// </summary>
    /// <exception cref="RegistryException">No answer.</exception>
    public async Task<HttpResponseMessage> SendAsync(
        RegistryRequest request, Uri address, AuthenticationHeaderValue? authorization, string host, bool verified,
        CancellationToken cancellationToken)
    {
        using var guard = new StallGuard(options.StallTimeout, cancellationToken);
        HttpRequestMessage message = Create(request, address, authorization, guard);
        try
        {
            return await pools.For(host, verified).SendAsync(message, guard.Token);
        }
        catch (Exception) when (message.Content is UploadBody { Failure: { } failure })
        {
            // Our own end failed; the HTTP client only passed it on, wrapped in its words.
            ExceptionDispatchInfo.Throw(failure);
            throw;
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw TransportErrors.Of(error.InnerException is TimeoutException ? new TimeoutException("connection timed out") : guard.Expired, host);
        }
        catch (Exception error) when (TransportErrors.IsTransport(error))
        {
            throw TransportErrors.Of(error, host);
        }
    }

    /// <summary>
    /// Follows the redirects of a GET or HEAD. Credentials go only to <paramref name="origin"/>; from https to http only
    /// where nothing was verified in the first place.
    /// </summary>
    public async Task<HttpResponseMessage> FollowAsync(
        HttpResponseMessage response, RegistryRequest request, AuthenticationHeaderValue? authorization, Uri origin, string host,
        bool verified, CancellationToken cancellationToken)
    {
        for (int count = 0; IsRedirect(response, request); count++)
        {
            Uri from = response.RequestMessage!.RequestUri!;
            Uri? to = response.Headers.Location is { } location && Uri.TryCreate(from, location, out Uri? next) ? next : null;
            response.Dispose();
            Check(to, from, request, host, verified, count);
            bool home = IsSameOrigin(to!, origin);
            authorization = home ? authorization : null;
            response = await SendAsync(request, to!, authorization, home ? host : to!.Authority, verified, cancellationToken);
        }

        return response;
    }

    public RegistryCertificates CertificatesOf(string host) => pools.CertificatesOf(host);

    public static bool IsSameOrigin(Uri left, Uri right) =>
        left.Scheme == right.Scheme && left.Port == right.Port && string.Equals(left.IdnHost, right.IdnHost, StringComparison.OrdinalIgnoreCase);

    private static bool IsRedirect(HttpResponseMessage response, RegistryRequest request) =>
        response.StatusCode is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
            or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect
        && (request.Method == HttpMethod.Get || request.Method == HttpMethod.Head);

    private static void Check(Uri? to, Uri from, RegistryRequest request, string host, bool verified, int count)
    {
        string? problem = to is null ? "redirects without saying where to"
            : count >= MaxRedirects ? $"redirects more than {MaxRedirects} times"
            : to.Scheme is not ("http" or "https") || to.UserInfo.Length > 0 ? "redirects to an address that is not followed"
            : verified && from.Scheme == "https" && to.Scheme == "http" ? $"redirects from https to plain http ({Printable.Of(to.Authority)}), which is not followed"
            : null;
        if (problem is not null)
        {
            throw new RegistryException(ErrorKind.Failed, $"{request.Subject.Object}: {host} {problem}");
        }
    }

    private HttpRequestMessage Create(RegistryRequest request, Uri address, AuthenticationHeaderValue? authorization, StallGuard guard)
    {
        var message = new HttpRequestMessage(request.Method, address)
        {
            Version = request.IsBulk ? HttpVersion.Version11 : HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            Content = request.Content?.Invoke(guard),
        };
        message.Headers.UserAgent.Add(new ProductInfoHeaderValue("mica", options.Version));
        message.Headers.Authorization = authorization;
        if (request.IsBulk && request.Method == HttpMethod.Get)
        {
            // A proxy that compresses would change the bytes and the meaning of ranges.
            message.Headers.AcceptEncoding.Add(s_identity);
        }

        if (request.Accept.Count > 0)
        {
            message.Headers.TryAddWithoutValidation("Accept", string.Join(", ", request.Accept));
        }

        if (request.Range is { } range)
        {
            message.Headers.Range = new RangeHeaderValue(range.From, range.To);
        }

        if (message.Content is UploadBody { IsBig: true })
        {
            // A refusal comes before the body then, and not as a cut connection in the middle of it.
            message.Headers.ExpectContinue = true;
        }

        return message;
    }
}
