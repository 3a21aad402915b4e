using System.Net;
using System.Net.Http.Headers;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// The download of one blob: opens parts of it at the first origin that serves them, and goes on to the next origin where a
/// mirror fails. Safe for concurrent use by the parts of a split blob.
/// </summary>
internal sealed class BlobFetch(Descriptor descriptor, IReadOnlyList<BlobOrigin> origins, PullEndpoints endpoints, RegistryClientOptions options)
{
    private int _current;

    public Descriptor Descriptor => descriptor;

    public BlobOrigin Origin => origins[Volatile.Read(ref _current)];

    public Attempts CreateAttempts() => Origin.Endpoint.CreateAttempts(Origin.Request);

    /// <summary>Opens the bytes from <paramref name="offset"/> up to, not including, <paramref name="end"/>; the body may go on beyond.</summary>
    /// <exception cref="MicaException">No origin has them.</exception>
    public async Task<BlobBody> OpenAsync(long offset, long end, Attempts attempts, CancellationToken cancellationToken)
    {
        while (true)
        {
            int index = Volatile.Read(ref _current);
            try
            {
                return await OpenAsync(origins[index], offset, end, attempts, cancellationToken);
            }
            catch (MicaException error) when (GoOn(index, error))
            {
                attempts.Progressed();
            }
        }
    }

    /// <summary>After a body that broke off: waits for the next attempt, at this origin or the next.</summary>
    /// <exception cref="RegistryException"><paramref name="failure"/>: there is no other attempt.</exception>
    public async Task RecoverAsync(RegistryException failure, Attempts attempts, CancellationToken cancellationToken)
    {
        int index = Volatile.Read(ref _current);
        try
        {
            await origins[index].Endpoint.RecoverAsync(failure, attempts, cancellationToken);
        }
        catch (RegistryException error) when (GoOn(index, error))
        {
            attempts.Progressed();
        }
    }

    private bool GoOn(int index, MicaException error)
    {
        BlobOrigin origin = origins[index];
        bool worthwhile = index + 1 < origins.Count && (origin.Endpoint.IsMirror || error.Kind == ErrorKind.NotFound);
        if (worthwhile && Interlocked.CompareExchange(ref _current, index + 1, index) == index && origin.Endpoint.IsMirror)
        {
            endpoints.Skip(origin.Endpoint, error);
        }

        return worthwhile;
    }

    private async Task<BlobBody> OpenAsync(
        BlobOrigin origin, long offset, long end, Attempts attempts, CancellationToken cancellationToken)
    {
        while (true)
        {
            Uri? redirected = origin.Redirected;
            RegistryRequest request = origin.Request with
            {
                Target = redirected?.AbsoluteUri ?? origin.Request.Target,
                Range = offset > 0 || end < descriptor.Size ? (offset, end < descriptor.Size ? end - 1 : null) : null,
            };
            RegistryException failure;
            try
            {
                HttpResponseMessage response = await origin.Endpoint.SendOnceAsync(request, cancellationToken);
                if (response.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent)
                {
                    return await OpenAsync(origin, response, request, offset, cancellationToken);
                }

                using (response)
                {
                    failure = await origin.Endpoint.ErrorAsync(response, request, cancellationToken);
                }

                if (redirected is not null)
                {
                    // Its signature has expired, say. The registry gives out a new one.
                    origin.Redirected = null;
                    continue;
                }
            }
            catch (RegistryException error) when (error.IsTransient)
            {
                failure = error;
                origin.Redirected = null;
            }

            await origin.Endpoint.RecoverAsync(failure, attempts, cancellationToken);
        }
    }

    private async Task<BlobBody> OpenAsync(
        BlobOrigin origin, HttpResponseMessage response, RegistryRequest request, long offset, CancellationToken cancellationToken)
    {
        bool isPart = response.StatusCode == HttpStatusCode.PartialContent;
        try
        {
            Check(response, request, offset, isPart);
            Uri final = response.RequestMessage!.RequestUri!;
            origin.Redirected = HttpExchange.IsSameOrigin(final, origin.Host.Address) ? null : final;
            Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken);
            var body = new BlobBody(response, stream, request.Subject.Object, request.Subject.Host, options.StallTimeout) { IsPart = isPart };
            if (!isPart && request.Range is not null)
            {
                origin.Host.IgnoresRanges = true;
                await body.SkipAsync(offset, cancellationToken);
            }

            return body;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    /// <summary>What the headers promise must be what the descriptor promises, before a byte is taken.</summary>
    private void Check(HttpResponseMessage response, RegistryRequest request, long offset, bool isPart)
    {
        HttpContentHeaders headers = response.Content.Headers;
        ContentRangeHeaderValue? range = isPart ? headers.ContentRange : null;
        long? size = isPart ? range?.Length : headers.ContentLength;
        if (size is not null && size != descriptor.Size)
        {
            throw new RegistryException(ErrorKind.ContentMismatch,
                $"{request.Subject.Object}: {request.Subject.Host} has {size} bytes of it, but its descriptor promises {descriptor.Size}");
        }

        if (isPart && range?.From != offset)
        {
            throw new RegistryException(ErrorKind.ContentMismatch,
                $"{request.Subject.Object}: {request.Subject.Host} sends other bytes than those from {offset} on");
        }
    }
}
