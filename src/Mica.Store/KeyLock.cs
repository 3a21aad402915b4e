using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>
/// An exclusive lock between processes, and between tasks of one process, that stands for a key: its file is there for as
/// long as somebody holds or wants it. The kernel lets go of it when its process dies.
/// </summary>
internal sealed class KeyLock : IDisposable
{
    private const int WouldBlock = 11; // EAGAIN

    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(20);

    private readonly string _path;
    private readonly SafeFileHandle _handle;

    private KeyLock(string path, SafeFileHandle handle)
    {
        _path = path;
        _handle = handle;
    }

    /// <summary>Waits for the lock of <paramref name="path"/>; the file is made when it does not exist.</summary>
    public static async Task<KeyLock> AcquireAsync(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (TryAcquire(path) is { } taken)
            {
                return taken;
            }

            await Task.Delay(s_patience, cancellationToken);
        }
    }

    /// <summary>Null: somebody else has it.</summary>
    public static KeyLock? TryAcquire(string path)
    {
        SafeFileHandle handle;
        try
        {
            // FileShare.None is flock(LOCK_EX | LOCK_NB).
            handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException failure) when (failure.HResult == WouldBlock)
        {
            return null;
        }

        // Between open and lock the former holder may have deleted the file: then this is a lock on nothing.
        if (File.ResolveLinkTarget($"/proc/self/fd/{handle.DangerousGetHandle()}", returnFinalTarget: false)?.FullName != path)
        {
            handle.Dispose();
            return null;
        }

        return new KeyLock(path, handle);
    }

    /// <summary>Deletes the file, then lets go: whoever waits finds that its file is not the key's any more, and makes a new one.</summary>
    public void Dispose()
    {
        File.Delete(_path);
        _handle.Dispose();
    }
}
