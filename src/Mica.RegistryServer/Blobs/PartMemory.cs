using System.Collections.Concurrent;

namespace Mica.RegistryServer.Blobs;

/// <summary>
/// The memory that all uploads together may have for parts that are being filled. Who wants a part waits until all of it is
/// free, first come, first served; so nobody waits with half a part in hand.
/// </summary>
internal sealed class PartMemory(long total)
{
    public const int BlockSize = 1 << 20;
    private const int MaxSpare = 64;

    private readonly Lock _lock = new();
    private readonly LinkedList<(long Bytes, TaskCompletionSource Turn)> _waiting = [];
    private readonly ConcurrentStack<byte[]> _spare = new();
    private long _free = total;

    /// <summary>Somebody waits.</summary>
    public bool IsShort
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count > 0;
            }
        }
    }

    /// <summary>Memory for a part; disposing gives it back.</summary>
    /// <param name="size">When the part is full.</param>
    /// <param name="needed">How many bytes are to come, if it is known that they are fewer.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<PartBuffer> TakeAsync(int size, int needed, CancellationToken cancellationToken)
    {
        int reserved = Math.Min(size, needed);
        LinkedListNode<(long Bytes, TaskCompletionSource Turn)>? node = null;
        lock (_lock)
        {
            if (_waiting.Count == 0 && _free >= reserved)
            {
                _free -= reserved;
            }
            else
            {
                node = _waiting.AddLast((reserved, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)));
            }
        }

        if (node is not null)
        {
            await using CancellationTokenRegistration registration = cancellationToken.Register(() => GiveUp(node, cancellationToken));
            await node.Value.Turn.Task;
        }

        return new PartBuffer(this, size, reserved);
    }

    internal byte[] Block() => _spare.TryPop(out byte[]? block) ? block : GC.AllocateUninitializedArray<byte>(BlockSize);

    internal void Return(IEnumerable<byte[]> blocks, int size)
    {
        foreach (byte[] block in blocks)
        {
            if (_spare.Count < MaxSpare)
            {
                _spare.Push(block);
            }
        }

        lock (_lock)
        {
            _free += size;
            Serve();
        }
    }

    private void GiveUp(LinkedListNode<(long Bytes, TaskCompletionSource Turn)> node, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (node.List is null)
            {
                return;
            }

            _waiting.Remove(node);
            Serve();
        }

        node.Value.Turn.TrySetCanceled(cancellationToken);
    }

    private void Serve()
    {
        while (_waiting.First is { } first && first.Value.Bytes <= _free)
        {
            _free -= first.Value.Bytes;
            _waiting.RemoveFirst();
            first.Value.Turn.TrySetResult();
        }
    }
}

/// <summary>The bytes of a part on their way; its memory is taken as it fills.</summary>
internal sealed class PartBuffer(PartMemory memory, int size, int reserved) : IDisposable
{
    private readonly List<byte[]> _blocks = [];
    private bool _isReturned;

    public int Length { get; private set; }

    public bool IsFull => Length == size;

    /// <summary>Takes what there is room for; tells how much.</summary>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        int written = Math.Min(bytes.Length, size - Length);
        if (Length + written > reserved)
        {
            throw new InvalidOperationException("more bytes than memory was reserved for");
        }

        for (int done = 0; done < written;)
        {
            int within = Length % PartMemory.BlockSize;
            if (within == 0)
            {
                _blocks.Add(memory.Block());
            }

            int step = Math.Min(written - done, PartMemory.BlockSize - within);
            bytes.Slice(done, step).CopyTo(_blocks[^1].AsSpan(within));
            Length += step;
            done += step;
        }

        return written;
    }

    public Stream OpenRead() => new Reading(_blocks, Length);

    public void Dispose()
    {
        if (!_isReturned)
        {
            _isReturned = true;
            memory.Return(_blocks, reserved);
            _blocks.Clear();
        }
    }

    private sealed class Reading(List<byte[]> blocks, int length) : Stream
    {
        private int _position;
        private bool _isClosed;

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position { get => _position; set => _position = checked((int)value); }

        public override int Read(Span<byte> buffer)
        {
            // A request that was given up may still want to read: the memory is somebody else's then.
            ObjectDisposedException.ThrowIf(_isClosed, this);
            if (_position >= length)
            {
                return 0;
            }

            int within = _position % PartMemory.BlockSize;
            int read = Math.Min(Math.Min(buffer.Length, PartMemory.BlockSize - within), length - _position);
            blocks[_position / PartMemory.BlockSize].AsSpan(within, read).CopyTo(buffer);
            _position += read;
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            cancellationToken.IsCancellationRequested ? ValueTask.FromCanceled<int>(cancellationToken) : ValueTask.FromResult(Read(buffer.Span));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => _position + offset,
            _ => length + offset,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            _isClosed = true;
            base.Dispose(disposing);
        }
    }
}
