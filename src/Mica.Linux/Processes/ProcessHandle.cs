using Microsoft.Win32.SafeHandles;

namespace Mica.Linux;

/// <summary>A process that need not be our child, held so that no later one is taken for it. pidfd_open(2).</summary>
public sealed unsafe class ProcessHandle : IDisposable
{
    private const long PidFdOpen = 434;
    private const long PidFdSendSignal = 424;

    private readonly SafeFileHandle _handle;

    private ProcessHandle(SafeFileHandle handle) => _handle = handle;

    /// <summary>Opens the process; null when it has ended.</summary>
    public static ProcessHandle? TryOpen(ProcessIdentity process)
    {
        long descriptor = Libc.Syscall(PidFdOpen, process.ProcessId, 0, 0, 0, 0);
        if (descriptor < 0)
        {
            return null;
        }

        var handle = new ProcessHandle(new SafeFileHandle((nint)descriptor, ownsHandle: true));
        if (process.IsAlive())
        {
            return handle;
        }

        handle.Dispose();
        return null;
    }

    /// <summary>Whether it has ended, within <paramref name="timeout"/> (<see cref="Timeout.InfiniteTimeSpan"/>: however long that takes).</summary>
    public bool WaitForEnd(TimeSpan timeout)
    {
        PollDescriptor polled = new() { Descriptor = (int)_handle.DangerousGetHandle(), Events = Constants.PollIn };
        while (true)
        {
            int ready = Libc.Poll(&polled, 1, timeout == Timeout.InfiniteTimeSpan ? -1 : (int)Math.Min(timeout.TotalMilliseconds, int.MaxValue));
            if (ready >= 0)
            {
                return ready > 0;
            }
        }
    }

    /// <summary>Sends <paramref name="signal"/>; false when it has ended.</summary>
    /// <exception cref="LinuxException">It is not ours to send to.</exception>
    public bool Signal(int signal)
    {
        long result = Libc.Syscall(PidFdSendSignal, _handle.DangerousGetHandle(), signal, 0, 0, 0);
        return result == 0 || (Libc.LastError == Errno.ESRCH ? false : throw new LinuxException("kill", [], Libc.LastError));
    }

    /// <summary>Lets go of it.</summary>
    public void Dispose() => _handle.Dispose();
}
