using Mica.Linux;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Engine;

/// <summary>A connection to a running container: what it writes, what it reads, and its end.</summary>
public sealed class ContainerSession : IDisposable
{
    private readonly Containers _containers;

    internal ContainerSession(Containers containers, Container container, ContainerAttachment attachment) =>
        (_containers, Container, Streams) = (containers, container, attachment);

    /// <summary>The container as it was when it was connected to.</summary>
    public Container Container { get; }

    /// <summary>Its standard streams.</summary>
    public ContainerAttachment Streams { get; }

    /// <summary>Sends a signal to its first process; nothing happens when it has ended.</summary>
    public void Signal(int signal)
    {
        if (Container.State.Process is { } process)
        {
            using ProcessHandle? handle = ProcessHandle.TryOpen(process);
            handle?.Signal(signal);
        }
    }

    /// <summary>Changes the size of its terminal.</summary>
    public void Resize(int rows, int columns) => _containers.Detached(Container).Resize(rows, columns);

    /// <summary>Why it could not be seen to; whoever looks at the container next tries again. Null: it was.</summary>
    public MicaException? Unsettled { get; private set; }

    /// <summary>Waits for its end, and sees to it.</summary>
    /// <returns>The exit code of its program.</returns>
    public async Task<int> WaitAsync(CancellationToken cancellationToken)
    {
        await Containers.EndedWithinAsync(Container, Timeout.InfiniteTimeSpan, cancellationToken);

        // Read before it is seen to, since one that removes itself leaves nothing to ask.
        DetachedContainer detached = _containers.Detached(Container);
        for (int i = 0; i < 1000 && detached.ReadExit() is null && Container.State.Monitor is { } monitor && monitor.IsAlive(); i++)
        {
            await Task.Delay(1, cancellationToken);
        }

        int? code = detached.ReadExit()?.Code;
        Container? settled = null;
        try
        {
            settled = await _containers.SettleAsync(Container, cancellationToken);
        }
        catch (MicaException failure) when (code is not null)
        {
            Unsettled = failure; // such as a full disk; the program has ended with its code all the same
        }

        return settled is { State.IsRunning: false } ? settled.State.ExitCode : code ?? 255;
    }

    /// <summary>Lets go of the container, which runs on.</summary>
    public void Dispose() => Streams.Dispose();
}
