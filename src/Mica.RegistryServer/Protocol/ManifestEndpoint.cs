using System.Buffers;
using System.Collections.Immutable;
using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Metadata;
using Mica.RegistryServer.Upstream;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Protocol;

/// <summary><c>/v2/NAME/manifests/REFERENCE</c>. OCI distribution-spec v1.1, #pulling-manifests, #pushing-manifests, #deleting-manifests.</summary>
internal sealed class ManifestEndpoint(
    ManifestStore manifests, AccessPolicy access, RegistryLimits limits, PullLog pulls)
{
    private const int MaxTags = 10;

    public Task HandleAsync(ProtocolRequest request) => request.Request.Method switch
    {
        "GET" or "HEAD" => SendAsync(request),
        "PUT" => PutAsync(request),
        "DELETE" => DeleteAsync(request),
        _ => throw request.MethodNotAllowed("GET, HEAD, PUT, DELETE"),
    };

    private static RefusedException Unknown(ProtocolRequest request) => new(
        ErrorCode.ManifestUnknown, $"{request.Repository}: there is no manifest {Printable.Of(request.Route.Reference)}");

    private async Task SendAsync(ProtocolRequest request)
    {
        CheckReference(request);
        StoredManifest manifest = (request.Upstream is { } upstream
            ? await FetchAsync(request, upstream)
            : await manifests.FindAsync(request.Repository, request.Route.Reference, request.Aborted)) ?? throw Unknown(request);

        HttpResponse response = request.Response;
        string digest = manifest.Digest.ToString();
        response.ContentType = manifest.MediaType;
        response.Headers["Docker-Content-Digest"] = digest;
        response.Headers.ETag = manifest.EntityTag;
        if (request.HasAlready(manifest.EntityTag))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        response.ContentLength = manifest.Content.Length;
        if (HttpMethods.IsGet(request.Request.Method))
        {
            pulls.Add(request.Repository, manifest.Digest);
            await response.BodyWriter.WriteAsync(manifest.Content, request.Aborted);
        }
    }

    private static async Task<StoredManifest?> FetchAsync(ProtocolRequest request, UpstreamRepository upstream)
    {
        UpstreamManifest? found = await upstream.Upstreams.Manifests.FindAsync(upstream, request.Route.Reference, request.Aborted);
        if (found?.Warning is { } warning)
        {
            UpstreamException.Warn(request.Response, warning);
        }

        return found?.Manifest;
    }

    /// <summary>A tag that cannot be one is unknown; a malformed digest is the client's mistake.</summary>
    private static void CheckReference(ProtocolRequest request)
    {
        string reference = request.Route.Reference;
        if (reference.Contains(':', StringComparison.Ordinal))
        {
            ProtocolRequest.ParseDigest(reference);
        }
        else if (!Route.IsTag(reference))
        {
            throw Unknown(request);
        }
    }

    private async Task PutAsync(ProtocolRequest request)
    {
        byte[] content = await ReadAsync(request);
        string reference = request.Route.Reference;
        bool isDigest = reference.Contains(':', StringComparison.Ordinal);
        string algorithm = isDigest ? request.Digest.Algorithm : request.Query("digest") is { } asked ? ProtocolRequest.ParseDigest(asked).Algorithm : Digest.Sha256;
        Digest digest = Digest.Of(algorithm, content);
        if ((isDigest && request.Digest != digest) || (request.Query("digest") is { } expected && expected != digest.ToString()))
        {
            throw new RefusedException(ErrorCode.DigestInvalid, $"the document has the digest {digest}");
        }

        string mediaType = request.Request.ContentType?.Split(';')[0].Trim() ?? "";
        if (mediaType.Length == 0)
        {
            mediaType = ManifestDocument.Sniff(content) ?? "";
        }

        ImmutableArray<string> tags = Tags(request, isDigest);
        var manifest = new StoredManifest { Digest = digest, MediaType = mediaType, Content = content };
        Rights rights = access.Of(request.Principal, request.Repository);
        ManifestLinks links = await manifests.PutAsync(request.Repository, manifest, tags, request.Principal.Name, isSparse: false, request.Aborted, rights);
        HttpResponse response = request.Response;
        response.StatusCode = StatusCodes.Status201Created;
        response.ContentLength = 0;
        response.Headers.Location = $"/v2/{request.Repository}/manifests/{digest}";
        request.SetDigest(digest);
        if (links.Subject is { } subject)
        {
            response.Headers["OCI-Subject"] = subject.ToString();
        }

        if (isDigest && tags.Length > 0)
        {
            response.Headers["OCI-Tag"] = tags.ToArray();
        }
    }

    /// <summary>A tag of the path, or those of the query when the path has a digest.</summary>
    private static ImmutableArray<string> Tags(ProtocolRequest request, bool isDigest)
    {
        ImmutableArray<string> tags = isDigest
            ? [.. request.Request.Query["tag"].OfType<string>().Distinct(StringComparer.Ordinal)]
            : [request.Route.Reference];
        if (tags.Length > MaxTags)
        {
            throw new RefusedException(ErrorCode.TooManyTags, $"{tags.Length} tags at once; {MaxTags} are taken");
        }

        return tags.FirstOrDefault(tag => !Route.IsTag(tag)) is { } invalid
            ? throw new RefusedException(ErrorCode.ManifestInvalid, $"invalid tag: \"{Printable.Of(invalid)}\"")
            : tags;
    }

    private async Task DeleteAsync(ProtocolRequest request)
    {
        CheckReference(request);
        bool isDigest = request.Route.Reference.Contains(':', StringComparison.Ordinal);
        bool found = isDigest
            ? await manifests.RemoveAsync(request.Repository, request.Digest, request.Principal.Name, request.Aborted)
            : await manifests.RemoveTagAsync(request.Repository, request.Route.Reference, request.Principal.Name, request.Aborted);
        if (!found)
        {
            throw Unknown(request);
        }

        request.Response.StatusCode = StatusCodes.Status202Accepted;
        request.Response.ContentLength = 0;
    }

    private async Task<byte[]> ReadAsync(ProtocolRequest request)
    {
        RefusedException TooLarge() => new(ErrorCode.TooLarge, $"a manifest may have {limits.MaxManifestSize} bytes");
        if (request.BodyLength > limits.MaxManifestSize)
        {
            throw TooLarge();
        }

        var content = new ArrayBufferWriter<byte>((int)Math.Max(1024, request.BodyLength ?? 0));
        await using var body = new ReceivedStream(request.Request.Body, hash: null, expected: null, most: long.MaxValue);
        while (await body.ReadAsync(content.GetMemory(4096), request.Aborted) is var read and > 0)
        {
            content.Advance(read);
            if (content.WrittenCount > limits.MaxManifestSize)
            {
                throw TooLarge();
            }
        }

        return content.WrittenSpan.ToArray();
    }
}
