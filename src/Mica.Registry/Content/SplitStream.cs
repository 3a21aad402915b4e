namespace Mica.Registry;

/// <summary>
/// The bytes of a big blob, fetched in parts over several connections and delivered in order. The part at the reader's
/// position streams through; those behind it are fetched into buffers of the <see cref="RangePool"/>, a few at a time.
/// </summary>
internal sealed class SplitStream(BlobFetch fetch, ResumingStream first, long offset, long firstEnd, RangePool pool, int ahead) : ReadOnlyStream
{
    private readonly CancellationTokenSource _disposed = new();
    private readonly Queue<Part> _parts = new();
    private ResumingStream? _direct = first;
    private Part? _current;
    private int _taken;
    private long _position;
    private long _scheduled = firstEnd;

    public override long Length => fetch.Descriptor.Size - offset;

    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (buffer.Length > 0)
        {
            Schedule();
            int count = _direct is not null ? await _direct.ReadAsync(buffer, cancellationToken)
                : _current is not null ? Copy(_current, buffer)
                : 0;
            if (count > 0)
            {
                _position += count;
                return count;
            }

            await FinishAsync();
            if (!await NextAsync(cancellationToken))
            {
                return 0;
            }
        }

        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed.IsCancellationRequested)
        {
            _disposed.Cancel();
            _direct?.Dispose();
            if (_current is not null)
            {
                pool.Return(_current.Buffer);
            }

            foreach (Part part in _parts)
            {
                // Its buffer is in use until the task has seen the cancellation.
                _ = part.Filled.ContinueWith(
                    static (_, state) => ((Action)state!)(), () => pool.Return(part.Buffer), CancellationToken.None,
                    TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
        }

        base.Dispose(disposing);
    }

    private void Schedule()
    {
        while (_parts.Count < ahead && _scheduled < fetch.Descriptor.Size && pool.TryRent() is { } buffer)
        {
            int length = (int)Math.Min(pool.BufferSize, fetch.Descriptor.Size - _scheduled);
            _parts.Enqueue(new Part(buffer, length, FillAsync(buffer.AsMemory(0, length), _scheduled)));
            _scheduled += length;
        }
    }

    private async Task FillAsync(Memory<byte> buffer, long from)
    {
        await using var part = new ResumingStream(fetch, from, from + buffer.Length);
        await part.ReadExactlyAsync(buffer, _disposed.Token);
    }

    private int Copy(Part part, Memory<byte> buffer)
    {
        int count = Math.Min(buffer.Length, part.Length - _taken);
        part.Buffer.AsSpan(_taken, count).CopyTo(buffer.Span);
        _taken += count;
        return count;
    }

    private async ValueTask FinishAsync()
    {
        if (_direct is not null)
        {
            await _direct.DisposeAsync();
            _direct = null;
        }

        if (_current is not null)
        {
            pool.Return(_current.Buffer);
            _current = null;
            _taken = 0;
        }
    }

    /// <summary>Makes the next part the current one; false at the end of the blob.</summary>
    private async ValueTask<bool> NextAsync(CancellationToken cancellationToken)
    {
        if (_parts.TryPeek(out Part? next))
        {
            await next.Filled.WaitAsync(cancellationToken);
            _current = _parts.Dequeue();
            return true;
        }

        if (_scheduled < fetch.Descriptor.Size)
        {
            // No buffer was free: this part streams through like the first one.
            long end = Math.Min(_scheduled + pool.BufferSize, fetch.Descriptor.Size);
            _direct = new ResumingStream(fetch, _scheduled, end);
            _scheduled = end;
            return true;
        }

        return false;
    }

    private sealed record Part(byte[] Buffer, int Length, Task Filled);
}
