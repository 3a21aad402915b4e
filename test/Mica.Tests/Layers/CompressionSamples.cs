using System.IO.Compression;
using System.Text;
using Mica.Layers;

namespace Mica.Tests.Layers;

/// <summary>Content of different kinds, compressed by the platform, and ways to read it back through our decoders.</summary>
internal static class CompressionSamples
{
    public static byte[] Random(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Words with repetitions near and far, as text has them.</summary>
    public static byte[] Text(int length, int seed)
    {
        var random = new Random(seed);
        string[] words = [.. Enumerable.Range(0, 400).Select(_ => new string([.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => (char)random.Next('a', 'z' + 1))]))];
        var text = new StringBuilder(length + 16);
        while (text.Length < length)
        {
            text.Append(words[random.Next(words.Length)]).Append(random.Next(9) == 0 ? "\n" : random.Next(30) == 0 ? new string(' ', random.Next(300)) : " ");
        }

        return Encoding.ASCII.GetBytes(text.ToString(0, length));
    }

    /// <summary>Runs of every short period, which overlapping matches make.</summary>
    public static byte[] Runs(int length, int seed)
    {
        var random = new Random(seed);
        using var bytes = new MemoryStream();
        while (bytes.Length < length)
        {
            byte[] pattern = Random(random.Next(1, 40), random.Next());
            for (int times = random.Next(1, 200); times > 0; times--)
            {
                bytes.Write(pattern);
            }
        }

        return bytes.ToArray()[..length];
    }

    public static byte[] Gzip(byte[] content, CompressionLevel level = CompressionLevel.Optimal)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, level))
        {
            gzip.Write(content);
        }

        return compressed.ToArray();
    }

    public static byte[] Zstd(byte[] content, int level = 3)
    {
        using var compressor = new ZstdSharp.Compressor(level);
        compressor.SetParameter(ZstdSharp.Unsafe.ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        return compressor.Wrap(content).ToArray();
    }

    /// <summary>Decompresses with reads of <paramref name="read"/> bytes from a stream that gives at most <paramref name="give"/> at once.</summary>
    public static byte[] Decompress(byte[] compressed, int read = 1 << 20, int give = int.MaxValue)
    {
        using Stream stream = LayerDecompressor.Open(new GrudgingStream(compressed, give), out _);
        using var content = new MemoryStream();
        byte[] buffer = new byte[read];
        for (int count; (count = stream.Read(buffer, 0, read)) > 0;)
        {
            content.Write(buffer, 0, count);
        }

        return content.ToArray();
    }

    /// <summary>A stream that gives no more than so many bytes at once, and knows how far it was read.</summary>
    internal sealed class GrudgingStream(byte[] content, int most) : MemoryStream(content, writable: false)
    {
        public bool WasReadToItsEnd { get; private set; }

        public override int Read(Span<byte> buffer) => Note(base.Read(buffer[..Math.Min(buffer.Length, most)]));

        public override int Read(byte[] buffer, int offset, int count) => Note(base.Read(buffer, offset, Math.Min(count, most)));

        private int Note(int count)
        {
            WasReadToItsEnd |= count == 0;
            return count;
        }
    }
}
