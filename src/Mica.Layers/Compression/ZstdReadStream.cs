using System.Buffers;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Mica.Layers;

/// <summary>
/// The content of a zstd file (RFC 8878): all its frames, skippable ones left out, checksums verified. An end within a frame and
/// anything that is no frame are errors. A frame may ask for a window of at most 128 MiB, which is what <c>zstd</c> itself allows.
/// </summary>
internal sealed class ZstdReadStream : ReadStream
{
    private const int WindowLogMax = 27;

    private readonly CompressedInput _input;
    private readonly Decompressor _decompressor = new();
    private bool _inFrame = true;
    private bool _pending;

    public ZstdReadStream(Stream inner)
    {
        _input = new CompressedInput(inner, "zstd");
        _decompressor.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, WindowLogMax);
    }

    public override int Read(Span<byte> buffer)
    {
        int total = 0;
        while (total < buffer.Length)
        {
            bool more = _input.Fill();
            if (!more && !_pending)
            {
                return _inFrame ? throw _input.Truncated() : total;
            }

            total += Decompress(buffer[total..]);
        }

        return total;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _decompressor.Dispose();
            _input.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Decompress(Span<byte> output)
    {
        try
        {
            OperationStatus status = _decompressor.UnwrapStream(_input.Available, output, out int consumed, out int written);
            if (consumed == 0 && written == 0 && !_input.Available.IsEmpty)
            {
                throw _input.Error("is damaged: it does not go on");
            }

            _input.Position += consumed;
            _inFrame = status != OperationStatus.Done;
            _pending = status == OperationStatus.DestinationTooSmall && written > 0;
            return written;
        }
        catch (ZstdException error)
        {
            throw _input.Error($"is damaged: {Mica.Oci.Printable.Of(error.Message).ToLowerInvariant()}");
        }
    }
}
