using System.Runtime.CompilerServices;

namespace Mica.Linux;

/// <summary>
/// A file that <see cref="DirectoryHandle.TryCreateFile"/> made, to be filled on the spot. A value with a bare descriptor in
/// it: files are created by the hundred thousand. Dispose it once.
/// </summary>
[SkipLocalsInit]
public readonly unsafe ref struct NewFile
{
    private readonly int _descriptor;

    internal NewFile(int descriptor) => _descriptor = descriptor;

    /// <summary>Writes all of <paramref name="bytes"/> at the current end.</summary>
    public Errno TryWrite(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* first = bytes)
        {
            for (int done = 0; done < bytes.Length;)
            {
                nint count = Libc.Write(_descriptor, first + done, (nuint)(bytes.Length - done));
                if (count >= 0)
                {
                    done += (int)count;
                }
                else if (Libc.LastError != Errno.EINTR)
                {
                    return Libc.LastError;
                }
            }
        }

        return Errno.None;
    }

    /// <summary>Writes all of <paramref name="bytes"/> at <paramref name="offset"/>; what is skipped is a hole.</summary>
    public Errno TryWrite(ReadOnlySpan<byte> bytes, long offset)
    {
        fixed (byte* first = bytes)
        {
            for (int done = 0; done < bytes.Length;)
            {
                nint count = Libc.WriteAt(_descriptor, first + done, (nuint)(bytes.Length - done), offset + done);
                if (count >= 0)
                {
                    done += (int)count;
                }
                else if (Libc.LastError != Errno.EINTR)
                {
                    return Libc.LastError;
                }
            }
        }

        return Errno.None;
    }

    /// <summary>Gives the file <paramref name="length"/> bytes; what was not written is a hole.</summary>
    public Errno TrySetLength(long length) => Result(Libc.Truncate(_descriptor, length));

    /// <summary>Gives the file to an owner and group. Clears setuid and setgid.</summary>
    public Errno TrySetOwner(uint uid, uint gid) => Result(Libc.ChangeOwner(_descriptor, uid, gid));

    /// <summary>Sets all twelve bits of the mode.</summary>
    public Errno TrySetMode(uint mode) => Result(Libc.ChangeMode(_descriptor, mode));

    /// <summary>Sets when the file was last read and changed; null leaves the time as it is.</summary>
    public Errno TrySetTimes(FileTime? accessed, FileTime? modified)
    {
        Timespec* times = stackalloc Timespec[2] { DirectoryHandle.ToTimespec(accessed), DirectoryHandle.ToTimespec(modified) };
        return Result(Libc.ChangeTimes(_descriptor, times));
    }

    /// <summary>Sets an extended attribute.</summary>
    public Errno TrySetXattr(ReadOnlySpan<byte> attribute, ReadOnlySpan<byte> value)
    {
        fixed (byte* cAttribute = CString.Write(attribute, stackalloc byte[CString.Size(attribute)]))
        fixed (byte* bytes = value)
        {
            return Result(Libc.SetXattr(_descriptor, cAttribute, bytes, (nuint)value.Length, 0));
        }
    }

    /// <summary>Removes an extended attribute.</summary>
    public Errno TryRemoveXattr(ReadOnlySpan<byte> attribute)
    {
        fixed (byte* cAttribute = CString.Write(attribute, stackalloc byte[CString.Size(attribute)]))
        {
            return Result(Libc.RemoveXattr(_descriptor, cAttribute));
        }
    }

    /// <summary>Closes the file. Nothing that was written is durable by this.</summary>
    public void Dispose()
    {
        if (_descriptor >= 0)
        {
            _ = Libc.Close(_descriptor);
        }
    }

    private static Errno Result(int result) => result < 0 ? Libc.LastError : Errno.None;
}
