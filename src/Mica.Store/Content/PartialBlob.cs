using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>
/// A blob on its way into the store, and the lock on it: whoever holds it is the only one who writes, records or deletes the
/// blob of this digest. What a killed process left stays, and the next one goes on behind it.
/// </summary>
internal sealed class PartialBlob : IDisposable
{
    private readonly StoreLayout _layout;
    private readonly Digest _digest;
    private readonly KeyLock _lock;
    private SafeFileHandle? _file;

    private PartialBlob(StoreLayout layout, Digest digest, KeyLock held)
    {
        _layout = layout;
        _digest = digest;
        _lock = held;
    }

    /// <summary>Bytes that are there.</summary>
    public long Length { get; private set; }

    private string Path => _layout.Partial(_digest);

    private SafeFileHandle File => _file ?? throw new InvalidOperationException("the partial blob is not open");

    public static async Task<PartialBlob> AcquireAsync(StoreLayout layout, Digest digest, CancellationToken cancellationToken) =>
        new(layout, digest, await StoreErrors.GuardAsync(layout.Root, () => KeyLock.AcquireAsync(layout.BlobLock(digest), cancellationToken)));

    /// <summary>Opens what is there, to go on behind it.</summary>
    public void Open() => StoreErrors.Guard(_layout.Root, () =>
    {
        _file ??= System.IO.File.OpenHandle(Path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        Length = RandomAccess.GetLength(_file);
    });

    /// <summary>Throws away what is there.</summary>
    public void Restart()
    {
        RandomAccess.SetLength(File, 0);
        Length = 0;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        try
        {
            RandomAccess.Write(File, bytes, Length);
        }
        catch (IOException failure)
        {
            throw StoreErrors.Translate(failure, _layout.Root)!;
        }

        Length += bytes.Length;
    }

    /// <summary>Reads what is there; 0 at its end.</summary>
    public int Read(Span<byte> buffer, long offset) => RandomAccess.Read(File, buffer, offset);

    /// <summary>Makes the blob visible in <c>blobs/</c>; the lock is kept, so that the row can follow.</summary>
    public void Publish() => StoreErrors.Guard(_layout.Root, () =>
    {
        string target = _layout.Blob(_digest);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
        System.IO.File.Move(Path, target, overwrite: true);
    });

    /// <summary>Deletes what is there: nobody can go on behind it.</summary>
    public void Discard() => System.IO.File.Delete(Path);

    public void Dispose()
    {
        _file?.Dispose();
        _lock.Dispose();
    }
}
