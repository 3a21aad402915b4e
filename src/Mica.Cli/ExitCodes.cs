using Mica.Oci;

namespace Mica.Cli;

/// <summary>What the process ends with. The table is in ARCHITECTURE.md; <c>run</c>-like commands will have their own rows.</summary>
internal static class ExitCodes
{
    public const int Success = 0;
    public const int Failure = 1;
    public const int Usage = 2;

    /// <summary>sysexits.h: EX_SOFTWARE.</summary>
    public const int Bug = 70;

    /// <summary>128 + SIGINT.</summary>
    public const int Cancelled = 130;

    /// <summary>128 + SIGPIPE: the reader of our output has gone.</summary>
    public const int BrokenPipe = 141;

    public static int Of(ErrorKind kind) => kind switch
    {
        ErrorKind.InvalidArgument => Usage,
        ErrorKind.Internal => Bug,
        ErrorKind.NotFound
            or ErrorKind.AlreadyExists
            or ErrorKind.Conflict
            or ErrorKind.Unauthenticated
            or ErrorKind.PermissionDenied
            or ErrorKind.Unavailable
            or ErrorKind.Unsupported
            or ErrorKind.ContentMismatch
            or ErrorKind.Failed => Failure,
        _ => Bug,
    };
}
