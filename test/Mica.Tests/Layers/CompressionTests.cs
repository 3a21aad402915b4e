using System.IO.Compression;
using Mica.Layers;
using Mica.Oci;
using static Mica.Tests.Layers.CompressionSamples;

namespace Mica.Tests.Layers;

public sealed class CompressionTests
{
    [Fact]
    public void Open_EachCompression_IsToldByContentAndReadToTheEnd()
    {
        byte[] content = Tar.Of(Tar.File("a", "x"));
        foreach ((byte[] layer, LayerCompression expected) in new[]
        {
            (content, LayerCompression.None), (Gzip(content), LayerCompression.Gzip), (Zstd(content), LayerCompression.Zstd),
            ([.. Gzip(content), .. new byte[300_000]], LayerCompression.Gzip),
        })
        {
            using var source = new GrudgingStream(layer, 1000);
            using Stream tar = LayerDecompressor.Open(source, out LayerCompression compression);
            using var copy = new MemoryStream();
            tar.CopyTo(copy);

            Assert.Equal(expected, compression);
            Assert.Equal(content, copy.ToArray());
            Assert.True(source.WasReadToItsEnd);
        }
    }

    [Fact]
    public void Open_EmptyOrShort_IsAPlainTar()
    {
        Assert.Empty(Decompress([]));
        Assert.Equal([0x1f], Decompress([0x1f]));
    }

    [Theory]
    [InlineData(new byte[] { 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0 }, "xz")]
    [InlineData(new byte[] { 0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59 }, "bzip2")]
    public void Open_OtherCompression_IsRefusedByName(byte[] head, string name)
    {
        MicaException error = Assert.Throws<MicaException>(() => Decompress(head));

        Assert.Equal(ErrorKind.Unsupported, error.Kind);
        Assert.Contains($"compressed with {name};", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1 << 20, 1 << 20)]
    [InlineData(1000, 13)]
    public void Zstd_FramesAndSkippableFrames_GiveTheContent(int read, int give)
    {
        byte[] first = Text(400_000, 1);
        byte[] second = Random(100, 2);
        byte[] skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];

        byte[] compressed = [.. Zstd(first), .. skippable, .. Zstd(second), .. Zstd([]), .. skippable];

        Assert.Equal([.. first, .. second], Decompress(compressed, read, give));
    }

    [Fact]
    public void Zstd_CutAnywhere_SaysTruncated()
    {
        byte[] compressed = Zstd(Text(1000, 1));
        for (int length = 4; length < compressed.Length; length++)
        {
            MicaException error = Assert.Throws<MicaException>(() => Decompress(compressed[..length], read: 100));
            Assert.Equal("zstd: the compressed content is truncated", error.Message);
        }
    }

    [Fact]
    public void Zstd_OneBitFlipped_NeverGivesOtherContent()
    {
        byte[] content = Text(700, 1);
        byte[] compressed = Zstd(content);
        for (int bit = 32; bit < compressed.Length * 8; bit++)
        {
            byte[] flipped = [.. compressed];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            try
            {
                Assert.Equal(content, Decompress(flipped));
            }
            catch (MicaException error)
            {
                Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
            }
        }
    }

    [Fact]
    public void Zstd_GarbageBehindTheEnd_Throws()
    {
        Assert.Throws<MicaException>(() => Decompress([.. Zstd([1, 2, 3]), 1, 2, 3, 4, 5, 6]));
        Assert.Throws<MicaException>(() => Decompress([.. Zstd([1, 2, 3]), 1]));
    }

    [Fact]
    public void Zstd_WindowAbove128MiB_IsRefused()
    {
        // Frame header: no single segment, window descriptor exponent 18 (2^28 bytes), then a raw empty last block.
        MicaException error = Assert.Throws<MicaException>(() => Decompress([0x28, 0xb5, 0x2f, 0xfd, 0x00, 18 << 3, 1, 0, 0]));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.Empty(Decompress([0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 1, 0, 0]));
    }

    [Theory]
    [InlineData(LayerCompression.Gzip, 0)]
    [InlineData(LayerCompression.Gzip, 1)]
    [InlineData(LayerCompression.Gzip, 1 << 20)]
    [InlineData(LayerCompression.Gzip, 5_300_000)]
    [InlineData(LayerCompression.Zstd, 0)]
    [InlineData(LayerCompression.Zstd, 5_300_000)]
    public void Compress_AnyWorkersAndWrites_GivesTheSameBytes(LayerCompression compression, int length)
    {
        byte[] content = [.. Text(length / 2, 1), .. Random(length / 4, 2), .. new byte[length - (length / 2) - (length / 4)]];

        byte[] one = Compress(content, compression, workers: 1, write: 1 << 20);

        foreach ((int workers, int write) in new[] { (2, 4096), (3, 1 << 22), (8, 1_000_003) })
        {
            Assert.Equal(one, Compress(content, compression, workers, write));
        }

        Assert.Equal(content, Decompress(one));
    }

    [Fact]
    public void Compress_Gzip_IsOneMemberThatOthersRead()
    {
        byte[] content = Text(2_500_000, 3);

        byte[] compressed = Compress(content, LayerCompression.Gzip, workers: 2, write: 100_000);

        Assert.Equal([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], compressed[..10]);
        using var platform = new GZipStream(new MemoryStream(compressed), CompressionMode.Decompress);
        using var copy = new MemoryStream();
        platform.CopyTo(copy);
        Assert.Equal(content, copy.ToArray());
    }

    private static byte[] Compress(byte[] content, LayerCompression compression, int workers, int write)
    {
        using var target = new MemoryStream();
        using (Stream compressor = LayerCompressor.Open(target, compression, workers))
        {
            foreach (byte[] piece in content.Chunk(write))
            {
                compressor.Write(piece);
            }
        }

        Assert.True(target.CanWrite);
        return target.ToArray();
    }
}
