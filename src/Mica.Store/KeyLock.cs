using Mica.Linux;

namespace Mica.Store;

/// <summary>
/// An exclusive lock between processes, and between tasks of one process, that stands for a key: its file is there for as
/// long as somebody holds or wants it. The kernel lets go of it when its process dies.
/// </summary>
internal sealed class KeyLock : IDisposable
{
    private readonly string _path;
    private readonly FileLock _lock;

    private KeyLock(string path, FileLock held)
    {
        _path = path;
        _lock = held;
    }

    /// <summary>Waits for the lock of <paramref name="path"/>.</summary>
    public static async Task<KeyLock> AcquireAsync(string path, CancellationToken cancellationToken)
    {
        // Waiting is real time, whatever clock the store has.
        FileLock? held = await FileLock.AcquireAsync(path, FileLockMode.Exclusive, Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        return new KeyLock(path, held!);
    }

    /// <summary>Null: somebody else has it.</summary>
    public static KeyLock? TryAcquire(string path) =>
        FileLock.TryAcquire(path, FileLockMode.Exclusive) is { } held ? new KeyLock(path, held) : null;

    /// <summary>Deletes the file, then lets go: whoever waits finds that its file is not the key's any more, and makes a new one.</summary>
    public void Dispose()
    {
        File.Delete(_path);
        _lock.Dispose();
    }
}
