using Mica.Oci;
using Mica.RegistryServer.Access;
using Mica.RegistryServer.Blobs;
using Mica.RegistryServer.Metadata;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Protocol;

/// <summary><c>/v2/NAME/blobs/uploads/</c> and below. OCI distribution-spec v1.1, #pushing-blobs, #mounting-a-blob-from-another-repository.</summary>
internal sealed class UploadEndpoint(BlobStore blobs, Uploads uploads, AccessPolicy access)
{
    public Task StartAsync(ProtocolRequest request) => request.Request.Method switch
    {
        "POST" when request.Query("mount") is not null => MountAsync(request),
        "POST" when request.Query("digest") is not null => PushAsync(request),
        "POST" => BeginAsync(request),
        _ => throw request.MethodNotAllowed("POST"),
    };

    public Task HandleAsync(ProtocolRequest request) => request.Request.Method switch
    {
        "PATCH" => AppendAsync(request),
        "PUT" => CompleteAsync(request, request.Route.Reference),
        "GET" or "HEAD" => StatusAsync(request),
        "DELETE" => CancelAsync(request),
        _ => throw request.MethodNotAllowed("GET, HEAD, PATCH, PUT, DELETE"),
    };

    private async Task MountAsync(ProtocolRequest request)
    {
        // What cannot be mounted is to be uploaded, whatever the reason.
        if (Digest.TryParse(request.Query("mount"), out Digest digest)
            && await blobs.MountAsync(
                request.Repository, digest, request.Query("from"), source => access.Allows(request.Principal, source, Rights.Read), request.Aborted))
        {
            Created(request, digest);
            return;
        }

        await BeginAsync(request);
    }

    private async Task BeginAsync(ProtocolRequest request)
    {
        string? algorithm = request.Query("digest-algorithm");
        if (algorithm is not (null or Digest.Sha256 or Digest.Sha512))
        {
            throw new RefusedException(ErrorCode.DigestInvalid, $"digest algorithm {Printable.Of(algorithm)} is not supported");
        }

        Accepted(request, await uploads.StartAsync(request.Repository, request.Principal.Name, algorithm, request.Aborted));
    }

    private async Task PushAsync(ProtocolRequest request)
    {
        Digest digest = request.QueryDigest("digest");
        Upload upload = await uploads.StartAsync(request.Repository, request.Principal.Name, digest.Algorithm, request.Aborted);
        try
        {
            await CompleteAsync(request, upload.Id);
        }
        catch
        {
            await uploads.CancelAsync(upload, CancellationToken.None);
            throw;
        }
    }

    private async Task AppendAsync(ProtocolRequest request)
    {
        try
        {
            Upload upload = await uploads.AppendAsync(
                request.Repository,
                request.Route.Reference,
                request.ContentRangeStart,
                request.BodyLength,
                request.Request.Body,
                request.Query("digest-algorithm"),
                request.Aborted);
            Accepted(request, upload);
        }
        catch (RefusedException refused) when (refused.Code == ErrorCode.RangeInvalid)
        {
            Describe(request, await uploads.FindAsync(request.Repository, request.Route.Reference, request.Aborted));
            throw;
        }
    }

    private async Task CompleteAsync(ProtocolRequest request, string id)
    {
        try
        {
            Digest digest = await uploads.CompleteAsync(
                request.Repository,
                id,
                request.QueryDigest("digest"),
                request.ContentRangeStart,
                request.BodyLength,
                request.Request.Body,
                request.Aborted);
            Created(request, digest);
        }
        catch (RefusedException refused) when (refused.Code == ErrorCode.RangeInvalid)
        {
            Describe(request, await uploads.FindAsync(request.Repository, id, request.Aborted));
            throw;
        }
    }

    private async Task StatusAsync(ProtocolRequest request)
    {
        Describe(request, await uploads.FindAsync(request.Repository, request.Route.Reference, request.Aborted));
        request.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task CancelAsync(ProtocolRequest request)
    {
        Upload upload = await uploads.FindAsync(request.Repository, request.Route.Reference, request.Aborted);
        await uploads.CancelAsync(upload, request.Aborted);
        request.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static void Accepted(ProtocolRequest request, Upload upload)
    {
        Describe(request, upload);
        request.Response.ContentLength = 0;
        request.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    private static void Describe(ProtocolRequest request, Upload upload)
    {
        request.Response.Headers.Location = $"/v2/{upload.Repository}/blobs/uploads/{upload.Id}";
        request.Response.Headers.Range = $"0-{Math.Max(0, upload.Size - 1)}";
        request.Response.Headers["Docker-Upload-UUID"] = upload.Id;
    }

    private static void Created(ProtocolRequest request, Digest digest)
    {
        request.Response.Headers.Location = $"/v2/{request.Repository}/blobs/{digest}";
        request.SetDigest(digest);
        request.Response.ContentLength = 0;
        request.Response.StatusCode = StatusCodes.Status201Created;
    }
}
