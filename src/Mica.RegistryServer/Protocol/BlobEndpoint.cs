using System.Globalization;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Upstream;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Mica.RegistryServer.Protocol;

/// <summary><c>/v2/NAME/blobs/DIGEST</c>. OCI distribution-spec v1.1, #pulling-blobs, #deleting-blobs.</summary>
internal sealed class BlobEndpoint(BlobStore blobs, RegistryMetrics metrics)
{
    public async Task HandleAsync(ProtocolRequest request)
    {
        switch (request.Request.Method)
        {
            case "GET" or "HEAD":
                await SendAsync(request, isHead: HttpMethods.IsHead(request.Request.Method));
                break;
            case "DELETE":
                if (!await blobs.UnlinkAsync(request.Repository, request.Digest, request.Aborted))
                {
                    throw Unknown(request);
                }

                request.SetDigest(request.Digest);
                request.Response.ContentLength = 0;
                request.Response.StatusCode = StatusCodes.Status202Accepted;
                break;
            default:
                throw request.MethodNotAllowed("GET, HEAD, DELETE");
        }
    }

    private static RefusedException Unknown(ProtocolRequest request) =>
        new(ErrorCode.BlobUnknown, $"{request.Repository}: there is no blob {request.Digest}");

    private async Task<RefusedException> MissingAsync(ProtocolRequest request) =>
        !HttpMethods.IsHead(request.Request.Method) && await blobs.IsDamagedAsync(request.Repository, request.Digest, request.Aborted)
            ? new RefusedException(ErrorCode.BlobUnknown, $"{request.Repository}: the bytes of blob {request.Digest} are damaged; push it again")
            : Unknown(request);

    private async Task SendAsync(ProtocolRequest request, bool isHead)
    {
        // Who asks by HEAD is about to rely on the blob in a manifest.
        StoredBlob? found = await blobs.FindAsync(request.Repository, request.Digest, hold: isHead, request.Aborted);
        using UpstreamBlob? fetched = request.Upstream is { } upstream ? await FetchAsync(request, upstream, found, isHead) : null;
        StoredBlob blob = found ?? fetched?.Blob ?? throw await MissingAsync(request);
        HttpResponse response = request.Response;
        string tag = $"\"{blob.Digest}\"";
        request.SetDigest(blob.Digest);
        response.Headers.ETag = tag;
        response.Headers.AcceptRanges = "bytes";
        // What somebody gets by a name or a token is not for caches that others share.
        response.Headers.CacheControl = request.Principal.IsAnonymous ? "max-age=31536000, immutable" : "private, max-age=31536000, immutable";
        response.Headers.XContentTypeOptions = "nosniff";
        if (request.HasAlready(tag))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        if (!isHead && fetched is null && await blobs.RedirectAsync(blob) is { } elsewhere)
        {
            // The range, if there is one, is the other server's to read.
            response.Headers.Location = elsewhere.AbsoluteUri;
            response.Headers.CacheControl = "no-store";
            response.ContentLength = 0;
            response.StatusCode = StatusCodes.Status307TemporaryRedirect;
            return;
        }

        // HTTP defines ranges for GET alone: a HEAD tells of the whole blob.
        (long offset, long length) = isHead ? (0, blob.Size) : Range(request, blob, tag);
        response.ContentType = "application/octet-stream";
        response.ContentLength = length;
        if (isHead)
        {
            return;
        }

        metrics.BlobBytesSent.Add(length);
        await (fetched?.Flight is { } flight
            ? flight.SendAsync(offset, length, response.BodyWriter, request.Aborted)
            : blobs.SendAsync(blob, offset, length, response.BodyWriter, request.Aborted));
    }

    private async Task<UpstreamBlob?> FetchAsync(ProtocolRequest request, UpstreamRepository upstream, StoredBlob? found, bool isHead)
    {
        metrics.UpstreamHits.Add(found is null ? 0 : 1);
        return found is null ? await upstream.Upstreams.Blobs.FindAsync(upstream, request.Digest, isHead, request.Aborted) : null;
    }

    /// <summary>
    /// The bytes that are asked for. One range is served; several, or one that is malformed, are answered with the whole blob,
    /// as HTTP allows. RFC 9110, section 14.
    /// </summary>
    private static (long Offset, long Length) Range(ProtocolRequest request, StoredBlob blob, string tag)
    {
        string? text = request.Request.Headers.Range;
        if (string.IsNullOrEmpty(text) || !RangeHeaderValue.TryParse(text, out RangeHeaderValue? header)
            || header.Unit != "bytes" || header.Ranges.Count != 1
            || (request.Request.Headers.IfRange is { Count: > 0 } condition && condition != tag))
        {
            return (0, blob.Size);
        }

        RangeItemHeaderValue range = header.Ranges.First();
        long first = range.From ?? Math.Max(0, blob.Size - range.To!.Value);
        long last = range.From is null ? blob.Size - 1 : Math.Min(range.To ?? long.MaxValue, blob.Size - 1);
        if (first > last || first >= blob.Size || (range.From is null && range.To == 0))
        {
            request.Response.Headers.ContentRange = $"bytes */{blob.Size}";
            throw new RefusedException(ErrorCode.RangeInvalid, $"the blob has {blob.Size} bytes, none of them in {text}");
        }

        request.Response.StatusCode = StatusCodes.Status206PartialContent;
        request.Response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {first}-{last}/{blob.Size}");
        return (first, last - first + 1);
    }
}
