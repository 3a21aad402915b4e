using System.Runtime.InteropServices;
using System.Text;

namespace Mica.Linux;

/// <summary><c>char *const argv[]</c>.</summary>
internal sealed unsafe class StringVector : IDisposable
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
