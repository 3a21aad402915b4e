using Microsoft.Win32.SafeHandles;

namespace Mica.Linux;

/// <summary>A pipe, one end of which is for a child (<see cref="ChildCommand.Descriptors"/>). pipe(7).</summary>
public sealed unsafe class ProcessPipe : IDisposable
{
    private ProcessPipe(SafeFileHandle read, SafeFileHandle write) => (ReadEnd, WriteEnd) = (read, write);

    /// <summary>Where what was written comes out.</summary>
    public SafeFileHandle ReadEnd { get; }

    /// <summary>Where one writes.</summary>
    public SafeFileHandle WriteEnd { get; }

    /// <summary>Makes one that no child inherits unless it is told to.</summary>
    public static ProcessPipe Create()
    {
        using var ends = PipeEnds.Create();
        return new ProcessPipe(
            new SafeFileHandle(ends.TakeReadEnd(), ownsHandle: true), new SafeFileHandle(ends.TakeWriteEnd(), ownsHandle: true));
    }

    /// <summary>Writes a few bytes, which a pipe always takes at once.</summary>
    public void Write(ReadOnlySpan<byte> content)
    {
        fixed (byte* bytes = content)
        {
            if (Libc.Write((int)WriteEnd.DangerousGetHandle(), bytes, (nuint)content.Length) != content.Length)
            {
                throw new LinuxException("write", [], Libc.LastError);
            }
        }
    }

    /// <summary>Waits for something to read; 0: nobody writes any more.</summary>
    public int Read(Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                nint count = Libc.Read((int)ReadEnd.DangerousGetHandle(), bytes, (nuint)buffer.Length);
                if (count >= 0)
                {
                    return (int)count;
                }

                if (Libc.LastError != Errno.EINTR)
                {
                    throw new LinuxException("read", [], Libc.LastError);
                }
            }
        }
    }

    /// <summary>Closes what is open of it.</summary>
    public void Dispose()
    {
        ReadEnd.Dispose();
        WriteEnd.Dispose();
    }
}
