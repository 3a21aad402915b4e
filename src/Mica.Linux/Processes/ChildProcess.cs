using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Mica.Linux;

/// <summary>What a child process gets.</summary>
/// <param name="Path">The program, as a path: no search.</param>
/// <param name="Arguments">All words; the first is the program's own name.</param>
/// <param name="Environment">The whole environment, as <c>NAME=value</c>.</param>
public sealed record ChildCommand(string Path, ImmutableArray<string> Arguments, ImmutableArray<string> Environment)
{
    /// <summary>What the child reads, at most 64 KiB; without it /dev/null.</summary>
    public ReadOnlyMemory<byte> Input { get; init; }

    /// <summary>The child reads and writes where this process does, in the same session, instead of through pipes.</summary>
    public bool SharesTerminal { get; init; }

    /// <summary>The child reads and writes /dev/null, and is not killed with this object.</summary>
    public bool IsSilent { get; init; }

    /// <summary>Where it shares the terminal it reads from /dev/null all the same.</summary>
    public bool HasNoInput { get; init; }

    /// <summary>
    /// Descriptors that the child gets besides: as 3, 4 and so on, in this order. They stay the caller's.
    /// </summary>
    public ImmutableArray<SafeHandle> Descriptors { get; init; } = [];
}

/// <summary>Takes a piece of what a child wrote; the bytes are valid during the call.</summary>
public delegate void ChildOutput(bool isError, ReadOnlySpan<byte> bytes);

/// <summary>
/// A process started by the calling thread, in whose namespaces it is born (see <see cref="ThreadNamespaces"/>), with no
/// descriptors but the three of its own, default signals and no part in our terminal. One thread reads and one waits;
/// <see cref="Kill"/> may any. posix_spawn(3).
/// </summary>
public sealed unsafe class ChildProcess : IDisposable
{
    private const int BufferSize = 64 << 10;

    private readonly Lock _lock = new();
    private readonly int _output;
    private readonly int _error;
    private bool _ended;
    private bool _isOnItsOwn;
    private int _status;

    private ChildProcess(int id, int output, int error) => (Id, _output, _error) = (id, output, error);

    /// <summary>Its number, in our PID namespace.</summary>
    public int Id { get; }

    /// <summary>Starts <paramref name="command"/>.</summary>
    /// <exception cref="LinuxException">The program cannot be run.</exception>
    public static ChildProcess Start(ChildCommand command)
    {
        using var spawn = new SpawnActions();
        spawn.Pass(command.Descriptors);
        if (command.SharesTerminal)
        {
            if (command.HasNoInput)
            {
                spawn.RedirectInput();
            }

            return new ChildProcess(spawn.Run(command, newSession: false), -1, -1);
        }

        if (command.IsSilent)
        {
            spawn.RedirectAll();
            return new ChildProcess(spawn.Run(command, newSession: true), -1, -1) { _isOnItsOwn = true };
        }

        using var input = command.Input.IsEmpty ? null : PipeEnds.Create();
        using var output = PipeEnds.Create();
        using var error = PipeEnds.Create();
        input?.Fill(command.Input.Span);
        spawn.Redirect(input?.ReadEnd ?? -1, output.WriteEnd, error.WriteEnd);
        int id = spawn.Run(command, newSession: true);
        return new ChildProcess(id, output.TakeReadEnd(), error.TakeReadEnd());
    }

    /// <summary>
    /// Hands on what the child and its descendants write, as it comes, until none of them can write any more. When
    /// <paramref name="output"/> throws the child is killed.
    /// </summary>
    public void ReadOutput(ChildOutput output)
    {
        byte[] buffer = new byte[BufferSize];
        PollDescriptor* polled = stackalloc PollDescriptor[2];
        polled[0] = new PollDescriptor { Descriptor = _output, Events = Constants.PollIn };
        polled[1] = new PollDescriptor { Descriptor = _error, Events = Constants.PollIn };
        while (polled[0].Descriptor >= 0 || polled[1].Descriptor >= 0)
        {
            if (Libc.Poll(polled, 2, -1) < 0)
            {
                continue; // EINTR; nothing else can go wrong with two descriptors of our own
            }

            for (int i = 0; i < 2; i++)
            {
                if (polled[i].Descriptor >= 0 && polled[i].Returned != 0 && !Forward(polled[i].Descriptor, i == 1, buffer, output))
                {
                    polled[i].Descriptor = -1; // poll ignores it
                }
            }
        }
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code, or 128 and the signal that ended it.</returns>
    public int Wait()
    {
        int status;
        while (!_ended)
        {
            // Not reaped while it is waited for, so that Kill never hits another process with its number.
            if (Libc.WaitId(1 /* P_PID */, Id, null, 4 | 0x1000000 /* WEXITED | WNOWAIT */) < 0 && Libc.LastError == Errno.EINTR)
            {
                continue;
            }

            lock (_lock)
            {
                int reaped = Libc.WaitProcess(Id, &status, 0);
                if (reaped < 0 && Libc.LastError == Errno.EINTR)
                {
                    continue;
                }

                _ended = true;
                _status = reaped < 0 ? throw new LinuxException("wait", [], Libc.LastError) : status;
            }
        }

        return (_status & 0x7f) is var signal and not 0 ? 128 + signal : (_status >> 8) & 0xff;
    }

    /// <summary>Sends <paramref name="signal"/>, unless it has ended already.</summary>
    public void Kill(int signal)
    {
        lock (_lock)
        {
            if (!_ended)
            {
                _ = Libc.Kill(Id, signal);
            }
        }
    }

    /// <summary>Kills it if it still runs, unless it is silent.</summary>
    public void Dispose()
    {
        if (_isOnItsOwn)
        {
            return;
        }

        Kill(Signals.Kill);
        if (!_ended)
        {
            Wait();
        }

        if (_output >= 0)
        {
            _ = Libc.Close(_output);
            _ = Libc.Close(_error);
        }
    }

    private bool Forward(int descriptor, bool isError, byte[] buffer, ChildOutput output)
    {
        nint count;
        fixed (byte* bytes = buffer)
        {
            count = Libc.Read(descriptor, bytes, BufferSize);
        }

        if (count < 0)
        {
            return Libc.LastError is Errno.EINTR or Errno.EAGAIN;
        }

        try
        {
            if (count > 0)
            {
                output(isError, buffer.AsSpan(0, (int)count));
            }
        }
        catch
        {
            Kill(Signals.Kill);
            throw;
        }

        return count > 0;
    }
}
