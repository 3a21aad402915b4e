using System.Security.Cryptography;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>A new file whose bytes are hashed while they are written. Buffered; not thread-safe.</summary>
internal sealed class HashedFile : Stream
{
    private const int BufferSize = 256 << 10;

    private readonly SafeFileHandle _file;
    private readonly string _root;
    private readonly IncrementalHash _hash = Digest.CreateHash(Digest.Sha256);
    private readonly byte[] _buffer = new byte[BufferSize];
    private int _count;
    private long _written;

    /// <summary>Makes the file at <paramref name="path"/>, in the store at <paramref name="root"/>.</summary>
    public HashedFile(string path, string root)
    {
        _root = root;
        _file = StoreErrors.Guard(root, () => File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None));
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _written + _count;

    public override long Position { get => Length; set => throw new NotSupportedException(); }

    /// <summary>The digest of everything that was written; nothing can be written after this.</summary>
    public Digest Finish()
    {
        Empty();
        return Digest.FromHash(Digest.Sha256, _hash.GetHashAndReset());
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int count = Math.Min(buffer.Length, BufferSize - _count);
            buffer[..count].CopyTo(_buffer.AsSpan(_count));
            buffer = buffer[count..];
            _count += count;
            if (_count == BufferSize)
            {
                Empty();
            }
        }
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Empty()
    {
        ReadOnlySpan<byte> bytes = _buffer.AsSpan(0, _count);
        _hash.AppendData(bytes);
        try
        {
            RandomAccess.Write(_file, bytes, _written);
        }
        catch (IOException failure)
        {
            throw StoreErrors.Translate(failure, _root)!;
        }

        _written += _count;
        _count = 0;
    }
}
