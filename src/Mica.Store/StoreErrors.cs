using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>What the system's refusals mean for whoever uses a store.</summary>
internal static class StoreErrors
{
    /// <summary>The failure as one clear line with the name of <paramref name="subject"/>; null when it is not the system's.</summary>
    public static MicaException? Translate(Exception failure, string subject) => failure switch
    {
        UnauthorizedAccessException => new(ErrorKind.PermissionDenied, $"{subject}: permission denied", failure),
        IOException io => Errno(io) switch
        {
            Linux.Errno.ENOSPC => new(ErrorKind.Failed, $"{subject}: no space left on device", failure),
            Linux.Errno.EDQUOT => new(ErrorKind.Failed, $"{subject}: disk quota exceeded", failure),
            Linux.Errno.EROFS => new(ErrorKind.PermissionDenied, $"{subject}: read-only file system", failure),
            Linux.Errno.EACCES or Linux.Errno.EPERM => new(ErrorKind.PermissionDenied, $"{subject}: permission denied", failure),
            _ => new(ErrorKind.Failed, $"{subject}: {Printable.Of(failure.Message)}", failure),
        },
        _ => null,
    };

    /// <summary>Runs something that touches only the store's own files, and translates its failures.</summary>
    public static T Guard<T>(string subject, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception failure) when (Translate(failure, subject) is { } translated)
        {
            throw translated;
        }
    }

    /// <inheritdoc cref="Guard{T}"/>
    public static void Guard(string subject, Action work) => Guard(subject, () =>
    {
        work();
        return true;
    });

    /// <inheritdoc cref="Guard{T}"/>
    public static async Task<T> GuardAsync<T>(string subject, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception failure) when (Translate(failure, subject) is { } translated)
        {
            throw translated;
        }
    }

    /// <summary>Whether the disk is full, or the user's part of it.</summary>
    public static bool IsFull(Exception failure) =>
        (failure is IOException io && Errno(io) is Linux.Errno.ENOSPC or Linux.Errno.EDQUOT)
        || (failure.InnerException is { } inner && IsFull(inner));

    /// <summary>The runtime keeps the errno of a failed file operation as the HResult.</summary>
    private static Errno Errno(IOException failure) => failure is LinuxException linux ? linux.Errno : (Errno)failure.HResult;
}
