using Mica.Oci;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Protocol;

/// <summary>Why a request is refused: the codes of OCI distribution-spec v1.1, #error-codes, told apart by status.</summary>
internal enum ErrorCode
{
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    RangeInvalid,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    TooLarge,
    Unauthorized,
    Denied,
    QuotaExceeded,
    TagImmutable,
    TooManyTags,
    TooSlow,
    Unsupported,
    MethodNotAllowed,
    TooManyRequests,
    PaginationInvalid,
    NotFound,
    BadRequest,
    Unavailable,
    BadUpstream,
    Unknown,
}

/// <summary>A request that is answered with an error. The message is for the user, one line.</summary>
internal sealed class RefusedException(ErrorCode code, string message) : Exception(message)
{
    public ErrorCode Code { get; } = code;

    /// <summary>When the client may try again; null: the answer does not say.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>What the specification calls the refusal, and the status that goes with it: the one table of the server.</summary>
    public (int Status, string Name) Answer => Code switch
    {
        ErrorCode.BlobUnknown => (404, "BLOB_UNKNOWN"),
        ErrorCode.BlobUploadInvalid => (400, "BLOB_UPLOAD_INVALID"),
        ErrorCode.BlobUploadUnknown => (404, "BLOB_UPLOAD_UNKNOWN"),
        ErrorCode.RangeInvalid => (416, "BLOB_UPLOAD_INVALID"),
        ErrorCode.DigestInvalid => (400, "DIGEST_INVALID"),
        ErrorCode.ManifestBlobUnknown => (404, "MANIFEST_BLOB_UNKNOWN"),
        ErrorCode.ManifestInvalid => (400, "MANIFEST_INVALID"),
        ErrorCode.ManifestUnknown => (404, "MANIFEST_UNKNOWN"),
        ErrorCode.NameInvalid => (400, "NAME_INVALID"),
        ErrorCode.NameUnknown => (404, "NAME_UNKNOWN"),
        ErrorCode.SizeInvalid => (400, "SIZE_INVALID"),
        ErrorCode.TooLarge => (413, "SIZE_INVALID"),
        ErrorCode.Unauthorized => (401, "UNAUTHORIZED"),
        ErrorCode.Denied => (403, "DENIED"),
        ErrorCode.QuotaExceeded => (403, "DENIED"),
        ErrorCode.TagImmutable => (409, "DENIED"),
        ErrorCode.TooManyTags => (414, "MANIFEST_INVALID"),
        ErrorCode.TooSlow => (408, "BLOB_UPLOAD_INVALID"),
        ErrorCode.Unsupported => (415, "UNSUPPORTED"),
        ErrorCode.MethodNotAllowed => (405, "UNSUPPORTED"),
        ErrorCode.TooManyRequests => (429, "TOOMANYREQUESTS"),
        ErrorCode.PaginationInvalid => (400, "PAGINATION_NUMBER_INVALID"),
        ErrorCode.NotFound => (404, "NOT_FOUND"),
        ErrorCode.BadRequest => (400, "UNSUPPORTED"),
        ErrorCode.Unavailable => (503, "UNAVAILABLE"),
        ErrorCode.BadUpstream => (502, "UNAVAILABLE"),
        _ => (500, "UNKNOWN"),
    };

    /// <summary>How a failure of what is below the protocol is answered; null for a bug.</summary>
    public static RefusedException? For(Exception failure) => failure switch
    {
        RefusedException refused => refused,
        BadHttpRequestException bad => new RefusedException(
            bad.StatusCode switch { 413 => ErrorCode.TooLarge, 408 => ErrorCode.TooSlow, _ => ErrorCode.SizeInvalid }, bad.Message.ToLowerInvariant()),

        // Not by the client: somebody whom the registry asked did not answer in time.
        OperationCanceledException or TimeoutException => new RefusedException(ErrorCode.Unavailable, "it took too long; try again"),
        DigestMismatchException mismatch => new RefusedException(ErrorCode.DigestInvalid, mismatch.Message),
        MicaException { Kind: ErrorKind.Unavailable } error => new RefusedException(ErrorCode.Unavailable, error.Message),
        MicaException { Kind: ErrorKind.PermissionDenied } error => new RefusedException(ErrorCode.Unavailable, error.Message),
        MicaException { Kind: ErrorKind.NotFound } error => new RefusedException(ErrorCode.NotFound, error.Message),
        MicaException { Kind: ErrorKind.Unauthenticated } error => new RefusedException(ErrorCode.Unauthorized, error.Message),
        MicaException { Kind: ErrorKind.InvalidArgument } error => new RefusedException(ErrorCode.ManifestInvalid, error.Message),
        MicaException { Kind: ErrorKind.Unsupported } error => new RefusedException(ErrorCode.Unsupported, error.Message),
        MicaException { Kind: not ErrorKind.Internal } error => new RefusedException(ErrorCode.Unknown, error.Message),
        _ => null,
    };
}
