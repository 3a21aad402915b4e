using System.Buffers;
using System.Runtime.ExceptionServices;

namespace Mica.Layers;

/// <summary>
/// Pieces that one thread (<see cref="Fill"/>) decompresses ahead of another (<see cref="Next"/>), in a fixed number of
/// buffers that go round.
/// </summary>
internal sealed class ChunkPipe : IChunkSource, IDisposable
{
    private const int ChunkSize = 512 << 10;
    private const int ChunkCount = 8;

    private readonly Stream _stream;
    private readonly CancellationToken _cancellationToken;
    private readonly CancellationTokenRegistration _registration;
    private readonly object _gate = new();
    private readonly byte[][] _buffers = new byte[ChunkCount][];
    private readonly int[] _lengths = new int[ChunkCount];
    private long _filled;
    private long _released;
    private bool _isHeld;
    private bool _hasEnded;
    private bool _isStopped;

    /// <summary>Reads <paramref name="stream"/>, which stays the caller's.</summary>
    public ChunkPipe(Stream stream, CancellationToken cancellationToken)
    {
        _stream = stream;
        _cancellationToken = cancellationToken;
        for (int i = 0; i < ChunkCount; i++)
        {
            _buffers[i] = ArrayPool<byte>.Shared.Rent(ChunkSize);
        }

        _registration = cancellationToken.Register(Stop);
    }

    /// <summary>Why the stream could not be read to its end.</summary>
    public ExceptionDispatchInfo? Failure { get; private set; }

    /// <summary>Reads the whole stream, or until <see cref="Stop"/>. Never throws.</summary>
    public void Fill()
    {
        ExceptionDispatchInfo? failure = null;
        try
        {
            while (WaitForFree() is { } buffer)
            {
                // Whole pieces: one that ends within a block of the archive makes its reader copy the block.
                int length = _stream.ReadAtLeast(buffer.AsSpan(0, ChunkSize), ChunkSize, throwOnEndOfStream: false);
                if (length == 0)
                {
                    break;
                }

                lock (_gate)
                {
                    _lengths[_filled++ % ChunkCount] = length;
                    Monitor.PulseAll(_gate);
                }
            }
        }
        catch (Exception error)
        {
            failure = ExceptionDispatchInfo.Capture(error);
        }

        lock (_gate)
        {
            Failure = failure;
            _hasEnded = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="Exception">What reading the stream threw.</exception>
    public ReadOnlyMemory<byte> Next()
    {
        lock (_gate)
        {
            if (_isHeld)
            {
                _isHeld = false;
                _released++;
                Monitor.PulseAll(_gate);
            }

            while (_released == _filled && !_hasEnded && !_isStopped)
            {
                Monitor.Wait(_gate);
            }

            _cancellationToken.ThrowIfCancellationRequested();
            if (_released == _filled)
            {
                Failure?.Throw();
                return default;
            }

            _isHeld = true;
            long current = _released % ChunkCount;
            return _buffers[current].AsMemory(0, _lengths[current]);
        }
    }

    /// <summary>Lets both threads go on without each other: nobody is interested any more.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _isStopped = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Gives the buffers back. Neither thread uses them any more.</summary>
    public void Dispose()
    {
        _registration.Dispose();
        foreach (byte[] buffer in _buffers)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private byte[]? WaitForFree()
    {
        lock (_gate)
        {
            while (_filled - _released == ChunkCount && !_isStopped)
            {
                Monitor.Wait(_gate);
            }

            return _isStopped ? null : _buffers[_filled % ChunkCount];
        }
    }
}
