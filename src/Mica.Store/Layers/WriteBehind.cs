using Mica.Linux;

namespace Mica.Store;

/// <summary>
/// Has the kernel write to the disk what layers bring in while they come in, again and again on a thread of its own. The
/// commit forces everything at the end in any case; without this the disk would be idle until then, and the end a long wait.
/// </summary>
internal sealed class WriteBehind(string root)
{
    /// <summary>Pulls that take less than this need no help.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private TaskCompletionSource _stop = new();
    private int _layers;

    /// <summary>
    /// A round that failed. The kernel tells of a write error once, so the round of the commit would not know of it.
    /// </summary>
    private LinuxException? _failure;

    /// <summary>A layer comes in, until <see cref="Leave"/>.</summary>
    public void Enter()
    {
        lock (_lock)
        {
            if (_layers++ == 0)
            {
                Task stop = (_stop = new TaskCompletionSource()).Task;
                new Thread(() => Run(stop)) { IsBackground = true, Name = "write behind" }.Start();
            }
        }
    }

    /// <summary>The layer is in, or is not coming. A round that is under way is not waited for.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            if (--_layers == 0)
            {
                _stop.SetResult();
            }
        }
    }

    /// <exception cref="LinuxException">Something could not be written.</exception>
    public void ThrowIfFailed()
    {
        if (Volatile.Read(ref _failure) is { } failure)
        {
            throw new LinuxException("syncfs", root, failure.Errno);
        }
    }

    private void Run(Task stop)
    {
        while (!stop.Wait(s_pause))
        {
            try
            {
                LinuxFileSystem.SyncAll(root);
            }
            catch (LinuxException failure)
            {
                Volatile.Write(ref _failure, failure);
                return;
            }
        }
    }
}
