using System.Collections.Immutable;
using System.Text;
using Mica.Oci;

namespace Mica.Tests.Oci;

/// <summary>A small image in memory: one config, some layers of pseudo-random bytes, one manifest. Equal seeds make equal images.</summary>
public sealed class SampleImage
{
    private readonly Dictionary<Digest, byte[]> _content = [];

    private SampleImage(int seed, int[] layerSizes)
    {
        Layers = [.. layerSizes.Select((size, index) => Add(MediaTypes.OciLayer, Bytes(size, seed * 100 + index)))];
        Config = Add(MediaTypes.OciConfig, Encoding.UTF8.GetBytes(
            $$"""
            {"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/true"]},"rootfs":{"type":"layers","diff_ids":[{{string.Join(',', Layers.Select(layer => $"\"{layer.Digest}\""))}}]},"history":[]}
            """.Trim()));
        Manifest = Add(MediaTypes.OciManifest, new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = Config,
            Layers = [.. Layers],
        }.ToJson());
    }

    public Descriptor Config { get; }

    public ImmutableArray<Descriptor> Layers { get; }

    public Descriptor Manifest { get; }

    /// <summary>Every descriptor, children first.</summary>
    public IEnumerable<Descriptor> Descriptors => [.. Layers, Config, Manifest];

    /// <summary>The layers are of <paramref name="layerSizes"/> bytes; by default one of 1000 and one of 300,000.</summary>
    public static SampleImage Create(int seed = 1, params int[] layerSizes) =>
        new(seed, layerSizes.Length == 0 ? [1000, 300_000] : layerSizes);

    /// <summary>Bytes that do not compress and are the same for the same seed.</summary>
    public static byte[] Bytes(int size, int seed)
    {
        byte[] bytes = new byte[size];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public byte[] this[Descriptor descriptor] => _content[descriptor.Digest];

    /// <summary>Writes everything to <paramref name="target"/>, children first, and tags the manifest.</summary>
    public async Task WriteToAsync(IContentTarget target, string tag, CancellationToken cancellationToken)
    {
        foreach (Descriptor descriptor in Descriptors)
        {
            await target.WriteAsync(descriptor, new MemoryStream(this[descriptor]), cancellationToken);
        }

        await target.TagAsync(Manifest, tag, cancellationToken);
    }

    private Descriptor Add(string mediaType, byte[] content)
    {
        Descriptor descriptor = Descriptor.Of(mediaType, content);
        _content[descriptor.Digest] = content;
        return descriptor;
    }
}
