using System.Buffers;
using System.Buffers.Binary;

namespace Mica.Linux;

/// <summary>
/// The names in a directory, in the file system's order and without <c>.</c> and <c>..</c>, read by getdents64(2) into one
/// pooled buffer. Reads from the beginning. One reader at a time per handle.
/// </summary>
public sealed unsafe class DirectoryReader : IDisposable
{
    private const int BufferSize = 32 << 10;

    private readonly DirectoryHandle _directory;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
    private int _position;
    private int _length;

    /// <summary>Reads <paramref name="directory"/>, which stays the caller's.</summary>
    public DirectoryReader(DirectoryHandle directory)
    {
        _directory = directory;
        Rewind();
    }

    /// <summary>Begins again: what was created or removed since is seen.</summary>
    public void Rewind()
    {
        _position = _length = 0;
        if (Libc.Seek(_directory, 0, 0) < 0)
        {
            throw new LinuxException("readdir", [], Libc.LastError);
        }
    }

    /// <summary>
    /// The next entry; false at the end. The name is valid until the next call. The kind may be <see cref="FileKind.Unknown"/>.
    /// </summary>
    public bool TryRead(out ReadOnlySpan<byte> name, out FileKind kind)
    {
        while (_position < _length || Fill())
        {
            // struct linux_dirent64: ino 8, off 8, reclen 2, type 1, name with NUL.
            ReadOnlySpan<byte> entry = _buffer.AsSpan(_position, _length - _position);
            entry = entry[..BinaryPrimitives.ReadUInt16LittleEndian(entry[16..])];
            _position += entry.Length;
            name = entry[19..];
            name = name[..name.IndexOf((byte)0)];
            kind = (FileKind)entry[18];
            if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
            {
                return true;
            }
        }

        name = [];
        kind = FileKind.Unknown;
        return false;
    }

    /// <summary>Gives the buffer back.</summary>
    public void Dispose()
    {
        byte[] buffer = Interlocked.Exchange(ref _buffer, []);
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private bool Fill()
    {
        fixed (byte* bytes = _buffer)
        {
            nint count = Libc.ReadDirectory(_directory, bytes, BufferSize);
            if (count < 0 && Libc.LastError == Errno.ENOENT)
            {
                // The directory itself was removed meanwhile: it has no names any more.
                count = 0;
            }

            if (count < 0)
            {
                throw new LinuxException("readdir", [], Libc.LastError);
            }

            _position = 0;
            _length = (int)count;
            return count > 0;
        }
    }
}
