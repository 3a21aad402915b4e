using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Mica.Layers;

/// <summary>Compresses the tar of a layer that is pushed.</summary>
public static class LayerCompressor
{
    private const int ZstdLevel = 3;

    /// <summary>
    /// Opens a synchronous stream that writes what it is given, compressed, to <paramref name="target"/>. Its bytes depend on the
    /// content alone, not on <paramref name="workers"/>, the threads used at once, nor on how the writes are cut. Disposing it
    /// completes the compressed data; <paramref name="target"/> stays open.
    /// </summary>
    public static Stream Open(Stream target, LayerCompression compression, int workers)
    {
        switch (compression)
        {
            case LayerCompression.Gzip:
                return new GzipWriteStream(target, workers);
            case LayerCompression.Zstd:
                var zstd = new CompressionStream(target, ZstdLevel, leaveOpen: true);
                zstd.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
                return zstd;
            default:
                throw new ArgumentOutOfRangeException(nameof(compression), compression, "a plain tar is not compressed");
        }
    }
}
