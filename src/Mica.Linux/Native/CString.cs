using System.Text;

namespace Mica.Linux;

/// <summary>Names on their way into the kernel: bytes with a NUL behind them.</summary>
internal static class CString
{
    /// <summary>PATH_MAX: the kernel takes no longer path, its NUL included.</summary>
    private const int MaxSize = 4096;

    /// <summary>What to <c>stackalloc</c> for <paramref name="name"/>.</summary>
    /// <exception cref="LinuxException"><see cref="Errno.ENAMETOOLONG"/>.</exception>
    public static int Size(ReadOnlySpan<byte> name) =>
        name.Length < MaxSize ? name.Length + 1 : throw new LinuxException("name", name[..64], Errno.ENAMETOOLONG);

    /// <summary>Copies <paramref name="name"/> and a NUL into <paramref name="buffer"/>.</summary>
    /// <exception cref="LinuxException"><see cref="Errno.EINVAL"/>: a NUL in the name would cut it off.</exception>
    public static Span<byte> Write(ReadOnlySpan<byte> name, Span<byte> buffer)
    {
        if (name.Contains((byte)0))
        {
            throw new LinuxException("name", name, Errno.EINVAL);
        }

        name.CopyTo(buffer);
        buffer[name.Length] = 0;
        return buffer;
    }

    /// <summary>The bytes of <paramref name="text"/>, without a NUL behind them.</summary>
    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
