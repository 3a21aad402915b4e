using Microsoft.Win32.SafeHandles;

namespace Mica.Linux;

/// <summary>Who else may hold a lock at the same time.</summary>
public enum FileLockMode
{
    /// <summary>Other shared holders.</summary>
    Shared = Constants.LockShared,

    /// <summary>Nobody.</summary>
    Exclusive = Constants.LockExclusive,
}

/// <summary>
/// An advisory lock between processes, and between holders within one process, on a file made for the purpose. It ends when it
/// is disposed of or its process dies, however it dies; child processes do not inherit it. flock(2).
/// </summary>
public sealed class FileLock : IDisposable
{
    private static readonly TimeSpan s_firstDelay = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromMilliseconds(64);

    private readonly SafeFileHandle _file;

    private FileLock(SafeFileHandle file) => _file = file;

    /// <summary>Takes the lock, or returns null when others hold it. Creates the file (mode 0600 less the umask) if need be.</summary>
    public static FileLock? TryAcquire(string path, FileLockMode mode)
    {
        while (true)
        {
            SafeFileHandle file = Open(path);
            try
            {
                Errno errno = TryLock(file, mode);
                if (errno == Errno.EAGAIN)
                {
                    file.Dispose();
                    return null;
                }

                if (errno != Errno.None)
                {
                    throw new LinuxException("lock", path, errno);
                }

                // Whoever held the lock may have removed the file between our open and our lock: then it locks nothing.
                if (IsAt(file, path))
                {
                    return new FileLock(file);
                }
            }
            catch
            {
                file.Dispose();
                throw;
            }

            file.Dispose();
        }
    }

    /// <summary>
    /// Waits for the lock, by asking again and again at growing intervals of <paramref name="clock"/>; null when it was not to
    /// be had within <paramref name="timeout"/> (<see cref="Timeout.InfiniteTimeSpan"/>: never give up).
    /// </summary>
    public static async Task<FileLock?> AcquireAsync(
        string path, FileLockMode mode, TimeSpan timeout, TimeProvider clock, CancellationToken cancellationToken)
    {
        long start = clock.GetTimestamp();
        for (TimeSpan delay = s_firstDelay; ; delay = delay < s_longestDelay ? 2 * delay : delay)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (TryAcquire(path, mode) is { } held)
            {
                return held;
            }

            if (timeout != Timeout.InfiniteTimeSpan)
            {
                TimeSpan left = timeout - clock.GetElapsedTime(start);
                if (left <= TimeSpan.Zero)
                {
                    return null;
                }

                delay = delay < left ? delay : left;
            }

            await Task.Delay(delay, clock, cancellationToken);
        }
    }

    /// <summary>Gives the lock back. The file stays.</summary>
    public void Dispose() => _file.Dispose();

    private static unsafe SafeFileHandle Open(string path)
    {
        byte[] name = CString.Bytes(path);
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            int flags = Constants.ReadWrite | Constants.Create | Constants.NoFollow | Constants.CloseOnExec;
            int descriptor = Libc.OpenAt(Constants.CurrentDirectory, cName, flags, 0x180);
            return descriptor < 0
                ? throw new LinuxException("lock", name, Libc.LastError)
                : new SafeFileHandle(descriptor, ownsHandle: true);
        }
    }

    private static Errno TryLock(SafeFileHandle file, FileLockMode mode)
    {
        while (true)
        {
            if (Libc.Lock(file, (int)mode | Constants.LockNonBlocking) == 0)
            {
                return Errno.None;
            }

            if (Libc.LastError != Errno.EINTR)
            {
                return Libc.LastError;
            }
        }
    }

    private static unsafe bool IsAt(SafeFileHandle file, string path)
    {
        byte empty = 0;
        StatxBuffer held;
        StatxBuffer named;
        byte[] name = CString.Bytes(path);
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        {
            return Libc.Statx(file, &empty, Constants.AtEmptyPath, Constants.StatxBasicStats, &held) == 0
                && Libc.Statx(Constants.CurrentDirectory, cName, Constants.AtSymlinkNoFollow, Constants.StatxBasicStats, &named) == 0
                && new FileStatus(in held).Identity == new FileStatus(in named).Identity;
        }
    }
}
