namespace Mica.Oci;

/// <summary>
/// What went wrong, in the few words a caller can act on. Exit codes, registry error codes and Docker API statuses are
/// each one <c>switch</c> over this enum.
/// </summary>
public enum ErrorKind
{
    /// <summary>The caller's input is malformed; repeating it cannot help.</summary>
    InvalidArgument,

    /// <summary>Nothing has that name or digest here.</summary>
    NotFound,

    /// <summary>Something has that name already.</summary>
    AlreadyExists,

    /// <summary>The object is in use, or changed under the caller.</summary>
    Conflict,

    /// <summary>The other side wants credentials, or other ones.</summary>
    Unauthenticated,

    /// <summary>The credentials, or the file's mode, do not allow it.</summary>
    PermissionDenied,

    /// <summary>The other side cannot be reached or is overloaded; later may succeed.</summary>
    Unavailable,

    /// <summary>A valid request for something that is not implemented, here or there.</summary>
    Unsupported,

    /// <summary>Bytes do not have the digest, size or form that was promised.</summary>
    ContentMismatch,

    /// <summary>The operation was tried and did not succeed, for a reason that the message tells.</summary>
    Failed,

    /// <summary>A bug.</summary>
    Internal,
}
