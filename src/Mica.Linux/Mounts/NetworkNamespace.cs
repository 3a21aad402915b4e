using System.Globalization;
using System.Runtime.ExceptionServices;

namespace Mica.Linux;

/// <summary>
/// A new network namespace, with nothing in it but a loopback that is down. It lasts while this object does, and as long as
/// something else uses it. A thread that does nothing holds it, since the name of a namespace is that of its bearer.
/// </summary>
public sealed class NetworkNamespace : IDisposable
{
    private readonly ManualResetEventSlim _ready = new();
    private readonly ManualResetEventSlim _released = new();
    private readonly Thread _holder;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Makes it.</summary>
    public NetworkNamespace()
    {
        _holder = new Thread(Hold, 64 << 10) { IsBackground = true, Name = "network namespace" };
        _holder.Start();
        _ready.Wait();
        _failure?.Throw();
    }

    /// <summary>The file that stands for it, in /proc.</summary>
    public string Path { get; private set; } = "";

    /// <summary>Lets go of it.</summary>
    public void Dispose()
    {
        _released.Set();
        _holder.Join();
        _ready.Dispose();
        _released.Dispose();
    }

    private void Hold()
    {
        try
        {
            ThreadNamespaces.UnshareNetwork();
            string thread = File.ResolveLinkTarget("/proc/thread-self", returnFinalTarget: false)!.FullName;
            Path = string.Create(CultureInfo.InvariantCulture, $"/proc/{thread["/proc/".Length..]}/ns/net");
        }
        catch (Exception failure)
        {
            _failure = ExceptionDispatchInfo.Capture(failure);
        }

        _ready.Set();
        if (_failure is null)
        {
            _released.Wait();
        }
    }
}
