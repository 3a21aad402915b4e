using Mica.Oci;

namespace Mica.Layers;

/// <summary>Opens the tar in a layer, whatever it is compressed with.</summary>
public static class LayerDecompressor
{
    private const int MagicLength = 6;

    /// <summary>
    /// Tells the compression by the first bytes and opens a synchronous stream of the tar. The stream reads
    /// <paramref name="layer"/> up to its very end before it ends itself, so that a digest of what passes covers everything;
    /// truncated or damaged content is a <see cref="MicaException"/> of kind <see cref="ErrorKind.ContentMismatch"/>. Takes ownership
    /// of <paramref name="layer"/>.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: xz, bzip2 or lzma.</exception>
    public static Stream Open(Stream layer, out LayerCompression compression)
    {
        try
        {
            var peeked = new PeekedStream(layer, MagicLength);
            compression = Detect(peeked.Head);
            return compression switch
            {
                LayerCompression.Gzip => new GzipReadStream(peeked),
                LayerCompression.Zstd => new ZstdReadStream(peeked),
                _ => peeked,
            };
        }
        catch
        {
            layer.Dispose();
            throw;
        }
    }

    /// <summary>The compression that content starting with <paramref name="head"/> (6 bytes or all there is) has.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: xz, bzip2 or lzma.</exception>
    public static LayerCompression Detect(ReadOnlySpan<byte> head)
    {
        string? other = head.StartsWith((ReadOnlySpan<byte>)[0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]) ? "xz"
            : head.StartsWith("BZh"u8) ? "bzip2"
            : null;
        if (other is not null)
        {
            throw new MicaException(ErrorKind.Unsupported, $"the layer is compressed with {other}; gzip, zstd and plain tar are supported");
        }

        return head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]) ? LayerCompression.Gzip
            : head.StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd]) ? LayerCompression.Zstd
            : LayerCompression.None;
    }
}
