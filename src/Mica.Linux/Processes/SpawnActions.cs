using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Mica.Linux;

/// <summary>The C library's two opaque structures for posix_spawn(3), and the call.</summary>
internal sealed unsafe class SpawnActions : IDisposable
{
    /// <summary>More than glibc (80 and 336 bytes) and musl need.</summary>
    private const int StructureSize = 1024;

    private readonly List<int> _copies = [];
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
            RedirectInput();
        }
        else
        {
            Check(Libc.SpawnActionsDuplicate(_actions, input, 0), "posix_spawn");
        }

        Check(Libc.SpawnActionsDuplicate(_actions, output, 1), "posix_spawn");
        Check(Libc.SpawnActionsDuplicate(_actions, error, 2), "posix_spawn");
    }

    /// <summary>The child reads nothing, and what it writes is lost.</summary>
    public void RedirectAll()
    {
        fixed (byte* path = "/dev/null\0"u8)
        {
            for (int descriptor = 0; descriptor < 3; descriptor++)
            {
                Check(Libc.SpawnActionsOpen(_actions, descriptor, path, Constants.ReadWrite, 0), "posix_spawn");
            }
        }
    }

    /// <summary>The child reads nothing.</summary>
    public void RedirectInput()
    {
        fixed (byte* path = "/dev/null\0"u8)
        {
            Check(Libc.SpawnActionsOpen(_actions, 0, path, Constants.ReadOnly, 0), "posix_spawn");
        }
    }

    /// <summary>Gives the child these descriptors, as 3 and onwards.</summary>
    public void Pass(ImmutableArray<SafeHandle> descriptors)
    {
        const int HigherThanAny = 64;
        const int DuplicateCloseOnExec = 1030; // F_DUPFD_CLOEXEC
        for (int i = 0; i < descriptors.Length; i++)
        {
            // A copy with a high number, lest one of the child's numbers overwrites what is to become another.
            int copy = Libc.Control(descriptors[i], DuplicateCloseOnExec, HigherThanAny);
            _copies.Add(copy >= 0 ? copy : throw new LinuxException("dup", [], Libc.LastError));
            Check(Libc.SpawnActionsDuplicate(_actions, copy, 3 + i), "posix_spawn");
        }
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
        foreach (int copy in _copies)
        {
            _ = Libc.Close(copy);
        }

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
}
