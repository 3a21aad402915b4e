using System.Runtime.InteropServices;
using System.Text;

namespace Mica.Linux;

/// <summary>The C library's two opaque structures for posix_spawn(3), and the call.</summary>
internal sealed unsafe class SpawnActions : IDisposable
{
    /// <summary>More than glibc (80 and 336 bytes) and musl need.</summary>
    private const int StructureSize = 1024;

    private readonly void* _actions = NativeMemory.AllocZeroed(StructureSize);
    private readonly void* _attributes = NativeMemory.AllocZeroed(StructureSize);

    public SpawnActions()
    {
        Check(Libc.SpawnActionsInitialize(_actions), "posix_spawn");
        Check(Libc.SpawnAttributesInitialize(_attributes), "posix_spawn");
    }

    /// <summary>Gives the child these three descriptors; <paramref name="input"/> -1 is /dev/null.</summary>
    public void Redirect(int input, int output, int error)
    {
        if (input < 0)
        {
            fixed (byte* path = "/dev/null\0"u8)
            {
                Check(Libc.SpawnActionsOpen(_actions, 0, path, Constants.ReadOnly, 0), "posix_spawn");
            }
        }
        else
        {
            Check(Libc.SpawnActionsDuplicate(_actions, input, 0), "posix_spawn");
        }

        Check(Libc.SpawnActionsDuplicate(_actions, output, 1), "posix_spawn");
        Check(Libc.SpawnActionsDuplicate(_actions, error, 2), "posix_spawn");
    }

    /// <summary>Starts the child; the calling thread waits until it has become the program.</summary>
    public int Run(ChildCommand command, bool newSession)
    {
        // .NET ignores SIGPIPE and the like, and what is ignored stays so across exec.
        byte* signals = stackalloc byte[128];
        new Span<byte>(signals, 128).Clear();
        Check(Libc.SpawnAttributesSetMask(_attributes, signals), "posix_spawn");
        new Span<byte>(signals, 128).Fill(0xff);
        Check(Libc.SpawnAttributesSetDefault(_attributes, signals), "posix_spawn");
        int flags = Constants.SpawnSetMask | Constants.SpawnSetDefault | (newSession ? Constants.SpawnSetSession : 0);
        Check(Libc.SpawnAttributesSetFlags(_attributes, (short)flags), "posix_spawn");

        using var arguments = new StringVector(command.Arguments);
        using var environment = new StringVector(command.Environment);
        int process;
        fixed (byte* path = MountTable.Terminated(command.Path))
        {
            Check(Libc.Spawn(&process, path, _actions, _attributes, arguments.Pointer, environment.Pointer), "run", command.Path);
        }

        return process;
    }

    public void Dispose()
    {
        _ = Libc.SpawnActionsDestroy(_actions);
        _ = Libc.SpawnAttributesDestroy(_attributes);
        NativeMemory.Free(_actions);
        NativeMemory.Free(_attributes);
    }

    /// <summary>These functions return the error instead of setting errno.</summary>
    private static void Check(int error, string operation, string name = "")
    {
        if (error != 0)
        {
            throw new LinuxException(operation, name, (Errno)error);
        }
    }

    /// <summary><c>char *const argv[]</c>.</summary>
    private sealed class StringVector : IDisposable
    {
        private readonly int _count;

        public StringVector(IReadOnlyCollection<string> texts)
        {
            Pointer = (byte**)NativeMemory.AllocZeroed((nuint)texts.Count + 1, (nuint)sizeof(byte*));
            foreach (string text in texts)
            {
                if (text.Contains('\0', StringComparison.Ordinal))
                {
                    throw new LinuxException("run", text, Errno.EINVAL);
                }

                int size = Encoding.UTF8.GetByteCount(text) + 1;
                byte* copy = (byte*)NativeMemory.AllocZeroed((nuint)size);
                Encoding.UTF8.GetBytes(text, new Span<byte>(copy, size));
                Pointer[_count++] = copy;
            }
        }

        public byte** Pointer { get; }

        public void Dispose()
        {
            for (int i = 0; i < _count; i++)
            {
                NativeMemory.Free(Pointer[i]);
            }

            NativeMemory.Free(Pointer);
        }
    }
}

/// <summary>A pipe whose ends no other child inherits.</summary>
internal sealed unsafe class PipeEnds : IDisposable
{
    private PipeEnds(int read, int write) => (ReadEnd, WriteEnd) = (read, write);

    public int ReadEnd { get; private set; }

    public int WriteEnd { get; private set; }

    public static PipeEnds Create()
    {
        int* ends = stackalloc int[2];
        return Libc.Pipe(ends, Constants.CloseOnExec) < 0
            ? throw new LinuxException("pipe", [], Libc.LastError)
            : new PipeEnds(ends[0], ends[1]);
    }

    /// <summary>Writes what the reader will find, and closes the writer's end.</summary>
    public void Fill(ReadOnlySpan<byte> content)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(content.Length, 64 << 10, nameof(content)); // what a pipe holds
        fixed (byte* bytes = content)
        {
            if (Libc.Write(WriteEnd, bytes, (nuint)content.Length) != content.Length)
            {
                throw new LinuxException("write", [], Libc.LastError);
            }
        }

        _ = Libc.Close(WriteEnd);
        WriteEnd = -1;
    }

    /// <summary>The caller closes it.</summary>
    public int TakeReadEnd()
    {
        int end = ReadEnd;
        ReadEnd = -1;
        return end;
    }

    public void Dispose()
    {
        foreach (int end in (ReadOnlySpan<int>)[ReadEnd, WriteEnd])
        {
            if (end >= 0)
            {
                _ = Libc.Close(end);
            }
        }
    }
}
