using System.Collections.Concurrent;

namespace Mica.Registry;

/// <summary>
/// The buffers that parts of split blobs are fetched into ahead of their reader. There are only so many for a whole client,
/// so that memory stays bounded however many blobs come at once.
/// </summary>
internal sealed class RangePool(int size, int count)
{
    private readonly ConcurrentBag<byte[]> _free = [];
    private int _left = count;

    public int BufferSize => size;

    /// <summary>A buffer, or null when all are in use: the caller then does without.</summary>
    public byte[]? TryRent()
    {
        if (Interlocked.Decrement(ref _left) < 0)
        {
            Interlocked.Increment(ref _left);
            return null;
        }

        return _free.TryTake(out byte[]? buffer) ? buffer : GC.AllocateUninitializedArray<byte>(size);
    }

    public void Return(byte[] buffer)
    {
        _free.Add(buffer);
        Interlocked.Increment(ref _left);
    }
}
