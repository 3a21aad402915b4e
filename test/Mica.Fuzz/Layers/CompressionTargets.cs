using System.IO.Compression;
using System.Security.Cryptography;
using Mica.Layers;

namespace Mica.Fuzz.Layers;

/// <summary>
/// A decoder of a compressed layer: what comes out does not depend on the size of the reads, and is what the runtime's decoder gives
/// where there is one.
/// </summary>
internal abstract class CompressionTarget(LayerCompression compression) : FuzzTarget
{
    /// <summary>A small input can be made to become gigabytes; whoever reads stops.</summary>
    private const int MaxOutput = 4 << 20;

    public override IReadOnlyList<byte[]> Seeds { get; } = MakeSeeds(compression);

    public override void Run(byte[] input)
    {
        string whole = Read(input, 64 << 10);
        string pieces = Read(input, 1 + (input.Length % 700));
        FuzzFailure.Unless(whole == pieces || (MayDisagree && (whole.Length == 0 || pieces.Length == 0)),
            $"reads of another size give something else: {whole} and {pieces}");
        if (whole.StartsWith("all ", StringComparison.Ordinal) && Reference(new MemoryStream(input)) is { } decoder)
        {
            using (decoder)
            {
                string other = Read(decoder, 64 << 10);
                FuzzFailure.Unless(whole == other, $"the runtime's decoder gives something else: {whole} and {other}");
            }
        }
    }

    /// <summary>Whether reads of one size may refuse what reads of another size accept.</summary>
    protected virtual bool MayDisagree => false;

    /// <summary>Opens the decoder, whatever the first bytes are.</summary>
    protected abstract Stream Open(Stream input);

    /// <summary>Someone else's decoder, for what ours accepts; null when there is none.</summary>
    protected virtual Stream? Reference(Stream input) => null;

    private string Read(byte[] input, int size)
    {
        string result = "";
        FuzzCase.Accepts(() =>
        {
            using Stream decoder = Open(new MemoryStream(input));
            result = Read(decoder, size);
        });
        return result;
    }

    private static string Read(Stream decoder, int size)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[size];
        long total = 0;
        for (int count; (count = decoder.Read(buffer, 0, (int)Math.Min(size, MaxOutput - total))) > 0;)
        {
            hash.AppendData(buffer, 0, count);
            total += count;
        }

        return $"{(total < MaxOutput ? "all" : "first")} {total} {Convert.ToHexString(hash.GetHashAndReset())}";
    }

    private static IReadOnlyList<byte[]> MakeSeeds(LayerCompression compression)
    {
        byte[] tar = TarBytes.Corpus[0];
        byte[] random = new byte[300];
        new Random(1).NextBytes(random);
        byte[][] made = [.. new[] { [], Testdata.Bytes("a"), random, tar, new byte[20_000] }.Select(content => Compress(content, compression))];
        return [.. made, [.. made[1], .. made[2]], .. compression == LayerCompression.Gzip ? Testdata.ReadAll("tar", "*.tar.gz") : []];
    }

    private static byte[] Compress(byte[] content, LayerCompression compression)
    {
        using var target = new MemoryStream();
        using (Stream compressor = LayerCompressor.Open(target, compression, workers: 1))
        {
            compressor.Write(content);
        }

        return target.ToArray();
    }
}

internal sealed class GzipTarget() : CompressionTarget(LayerCompression.Gzip)
{
    public override string Description => "GzipReadStream: framing and inflating";

    public override IReadOnlyList<byte[]> Words { get; } =
        [[0x1f, 0x8b, 8, 0], [0x1f, 0x8b, 8, 0x1e], [3, 0], [1, 0, 0, 0xff, 0xff], [0, 0, 0, 0xff, 0xff], new byte[8], [0xff, 0xff], [5, 0xe0, 0x81]];

    protected override Stream Open(Stream input) => new GzipReadStream(input);

    protected override Stream? Reference(Stream input) => new GZipStream(input, CompressionMode.Decompress);
}

internal sealed class ZstdTarget() : CompressionTarget(LayerCompression.Zstd)
{
    public override string Description => "ZstdReadStream: frames, skippable frames, windows";

    public override IReadOnlyList<byte[]> Words { get; } =
        [[0x28, 0xb5, 0x2f, 0xfd], [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0], [0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff], [1, 0, 0], [0xff], [0x60], [0xe0]];

    /// <summary>zstd checks the content size that a frame promises in more cases when it decodes the frame at one go. The digest tells anyway.</summary>
    protected override bool MayDisagree => true;

    protected override Stream Open(Stream input) => new ZstdReadStream(input);
}
