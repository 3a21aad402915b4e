namespace Mica.Linux;

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

    /// <summary>The caller closes it.</summary>
    public int TakeWriteEnd()
    {
        int end = WriteEnd;
        WriteEnd = -1;
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
