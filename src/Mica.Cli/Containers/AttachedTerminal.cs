using System.Runtime.InteropServices;
using Mica.Cli.Hosting;
using Mica.Engine;
using Mica.Linux;

namespace Mica.Cli.Containers;

/// <summary>Connects our standard streams, terminal and signals with those of a container, until it ends or the user leaves it.</summary>
internal sealed class AttachedTerminal(CliHost host, ContainerSession session)
{
    /// <summary>Signals that a container gets in our place, by number where .NET has no name for them.</summary>
    private static readonly (PosixSignal Signal, int Number)[] s_forwarded =
    [
        (PosixSignal.SIGHUP, 1), (PosixSignal.SIGINT, 2), (PosixSignal.SIGQUIT, 3), ((PosixSignal)10, 10), ((PosixSignal)12, 12), (PosixSignal.SIGTERM, 15),
    ];

    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What the user types is handed on.</summary>
    public bool ReadsInput { get; init; }

    /// <summary>Signals are handed on.</summary>
    public bool ForwardsSignals { get; init; } = true;

    /// <summary>What it writes to standard output is shown.</summary>
    public bool ShowsOutput { get; init; } = true;

    /// <summary>What it writes to standard error is shown.</summary>
    public bool ShowsErrors { get; init; } = true;

    /// <summary>By which the user leaves.</summary>
    public required DetachKeys Keys { get; init; }

    /// <summary>Returns the exit code of the container's program; null when the user has left it.</summary>
    public async Task<int?> RunAsync(CancellationToken cancellationToken)
    {
        bool isTerminal = session.Container.Definition.UsesTerminal;
        using TerminalMode? mode = isTerminal && ReadsInput && host.IsInputTerminal ? TerminalMode.MakeRaw() : null;
        List<PosixSignalRegistration> registrations = [.. Signals(isTerminal)];
        try
        {
            if (ReadsInput)
            {
                new Thread(ReadInput) { IsBackground = true, Name = "input" }.Start();
            }

            Task output = Task.Factory.StartNew(ShowOutput, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            if (await Task.WhenAny(output, _left.Task) == _left.Task)
            {
                return null;
            }

            await output;
            int code = await session.WaitAsync(cancellationToken);
            if (session.Unsettled is { } why)
            {
                host.Error.Write($"mica: {why.Message}\n");
            }

            return code;
        }
        finally
        {
            registrations.ForEach(registration => registration.Dispose());
        }
    }

    private IEnumerable<PosixSignalRegistration> Signals(bool isTerminal)
    {
        if (isTerminal)
        {
            Resize();
            yield return PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Resize());
        }

        foreach ((PosixSignal signal, int number) in ForwardsSignals ? s_forwarded : [])
        {
            yield return PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                session.Signal(number);
            });
        }
    }

    private void Resize()
    {
        if (TerminalMode.ReadSize() is { Rows: > 0, Columns: > 0 } size)
        {
            session.Resize(size.Rows, size.Columns);
        }
    }

    private void ShowOutput()
    {
        using Stream output = host.OpenOutput(), errors = host.OpenError();
        session.Streams.Read((isError, bytes) =>
        {
            if (isError ? ShowsErrors : ShowsOutput)
            {
                try
                {
                    (isError ? errors : output).Write(bytes);
                }
                catch (IOException)
                {
                    // Nobody reads us any more; the container may go on.
                }
            }
        });
    }

    private void ReadInput()
    {
        bool isTerminal = session.Container.Definition.UsesTerminal;
        byte[] buffer = new byte[8192];
        List<byte> forward = [];
        using Stream input = host.OpenInput();
        while (true)
        {
            int count = input.Read(buffer);
            if (count == 0)
            {
                session.Streams.EndInput();
                return;
            }

            forward.Clear();
            bool leaves = isTerminal && Keys.Filter(buffer.AsSpan(0, count), forward);
            if (!isTerminal)
            {
                forward.AddRange(buffer.AsSpan(0, count).ToArray());
            }

            if (!session.Streams.TryWrite(CollectionsMarshal.AsSpan(forward)))
            {
                return;
            }

            if (leaves)
            {
                _left.TrySetResult();
                return;
            }
        }
    }
}
