using Mica.Oci;

namespace Mica.Store;

/// <summary>What the system's refusals mean for whoever uses a store.</summary>
internal static class StoreErrors
{
    private const int PermissionDenied = 13; // EACCES
    private const int NoSpace = 28; // ENOSPC
    private const int ReadOnly = 30; // EROFS
    private const int QuotaExceeded = 122; // EDQUOT

    /// <summary>The failure as one clear line with the name of <paramref name="subject"/>; null when it is not the system's.</summary>
    public static MicaException? Translate(Exception failure, string subject) => failure switch
    {
        MicaException => null,
        UnauthorizedAccessException => new(ErrorKind.PermissionDenied, $"{subject}: permission denied", failure),
        IOException { HResult: NoSpace } => new(ErrorKind.Failed, $"{subject}: no space left on device", failure),
        IOException { HResult: QuotaExceeded } => new(ErrorKind.Failed, $"{subject}: disk quota exceeded", failure),
        IOException { HResult: ReadOnly } => new(ErrorKind.PermissionDenied, $"{subject}: read-only file system", failure),
        IOException { HResult: PermissionDenied } => new(ErrorKind.PermissionDenied, $"{subject}: permission denied", failure),
        IOException => new(ErrorKind.Failed, $"{subject}: {Printable.Of(failure.Message)}", failure),
        _ => null,
    };

    /// <summary>Whether the disk is full, or the user's part of it.</summary>
    public static bool IsFull(Exception failure) =>
        failure is IOException { HResult: NoSpace or QuotaExceeded } || (failure.InnerException is { } inner && IsFull(inner));
}
