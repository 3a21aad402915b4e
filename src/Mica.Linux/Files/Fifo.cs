using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Mica.Linux;

/// <summary>Pipes with a name. fifo(7).</summary>
public static unsafe class Fifo
{
    /// <summary>
    /// Writes <paramref name="content"/> to the pipe at <paramref name="path"/> once somebody reads from it; with
    /// <paramref name="removes"/> its name is gone before the reader gets it. False when nobody did within
    /// <paramref name="patience"/>, or there is no such pipe.
    /// </summary>
    public static bool TryWrite(string path, ReadOnlySpan<byte> content, TimeSpan patience, bool removes)
    {
        long start = Stopwatch.GetTimestamp();
        byte[] name = CString.Bytes(path);
        fixed (byte* cName = CString.Write(name, stackalloc byte[CString.Size(name)]))
        fixed (byte* bytes = content)
        {
            while (true)
            {
                int flags = Constants.WriteOnly | Constants.NonBlocking | Constants.NoFollow | Constants.CloseOnExec;
                int descriptor = Libc.OpenAt(Constants.CurrentDirectory, cName, flags, 0);
                if (descriptor >= 0)
                {
                    using SafeFileHandle handle = new(descriptor, ownsHandle: true);
                    if (removes)
                    {
                        File.Delete(path);
                    }

                    return Libc.Write(descriptor, bytes, (nuint)content.Length) == content.Length;
                }

                // ENXIO: nobody has it open for reading yet.
                if (Libc.LastError is not (Errno.ENXIO or Errno.EINTR) || Stopwatch.GetElapsedTime(start) >= patience)
                {
                    return false;
                }

                _ = Libc.Poll(null, 0, 1);
            }
        }
    }
}
