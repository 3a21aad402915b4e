using System.Buffers;
using System.Net;

namespace Mica.Registry;

/// <summary>A part of an <see cref="UploadSource"/> as the body of one message.</summary>
internal sealed class UploadBody : HttpContent
{
    private const int BufferSize = 256 << 10;

    private readonly UploadSource _source;
    private readonly long _count;
    private readonly StallGuard _guard;

    public UploadBody(UploadSource source, long count, StallGuard guard)
    {
        _source = source;
        _count = count;
        _guard = guard;
        Headers.ContentType = new("application/octet-stream");
    }

    /// <summary>Why our own end could not deliver; null when it could.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Whether a refusal should be heard before the bytes are sent.</summary>
    public bool IsBig => _count > 1 << 20;

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            long left = _count;
            do
            {
                int count = await FillAsync(buffer.AsMemory(0, (int)Math.Min(left, BufferSize)), cancellationToken);
                left -= count;
                await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
                _guard.Progressed();
            }
            while (left > 0);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _count;
        return true;
    }

    private async ValueTask<int> FillAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await _source.FillAsync(buffer, cancellationToken);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // A source that fails is no reason to try again, and its words must not be taken for the network's.
            Failure = error;
            throw;
        }
        finally
        {
            _guard.Progressed();
        }
    }
}
