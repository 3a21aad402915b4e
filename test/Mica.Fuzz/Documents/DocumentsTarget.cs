using Mica.Oci;

namespace Mica.Fuzz.Documents;

/// <summary>
/// Every document of an image, read as each of its kinds. What parses can be written, and what was written parses and is written the
/// same again.
/// </summary>
internal sealed class DocumentsTarget : FuzzTarget
{
    public override string Description => "ImageManifest, ImageIndex, ImageConfig, Descriptor: JSON documents";

    public override IReadOnlyList<byte[]> Seeds { get; } = Testdata.Bytes(
        JsonWords.Manifest, JsonWords.Index, JsonWords.Config, JsonWords.Descriptor(MediaTypes.OciLayer),
        $$"""{"schemaVersion":2,"config":{{JsonWords.Descriptor(MediaTypes.OciEmpty)}},"layers":null,"subject":{{JsonWords.Descriptor(MediaTypes.OciManifest)}},"artifactType":"a/b"}""",
        $$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.DockerManifest}}","config":{{JsonWords.Descriptor(MediaTypes.DockerConfig)}},"layers":[{{JsonWords.Descriptor(MediaTypes.DockerLayerGzip)}}]}""",
        $$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.DockerIndex}}","manifests":[{{JsonWords.Descriptor(MediaTypes.DockerManifest)}}]}""",
        """{"schemaVersion":1,"name":"x","tag":"y","fsLayers":[]}""");

    public override IReadOnlyList<byte[]> Words => JsonWords.Image;

    public override void Run(byte[] input)
    {
        string own = ManifestDocument.Sniff(input) ?? "";
        string manifestType = MediaTypes.IsManifest(own) ? own : MediaTypes.OciManifest;
        RoundTrip(input, json => ImageManifest.Parse(json, manifestType), manifest => manifest.ToJson());
        string indexType = MediaTypes.IsIndex(own) ? own : MediaTypes.OciIndex;
        RoundTrip(input, json => ImageIndex.Parse(json, indexType), index => index.ToJson());
        RoundTrip(input, json => ImageConfig.Parse(json), config => config.ToJson());
        RoundTrip(input, json => OciJson.ParseDescriptor(json), OciJson.Write);
    }

    private static void RoundTrip<T>(byte[] input, Func<byte[], T> parse, Func<T, byte[]> write)
        where T : class
    {
        T? parsed = null;
        if (!FuzzCase.Accepts(() => parsed = parse(input)))
        {
            return;
        }

        Use(parsed!);
        byte[] written = write(parsed!);
        byte[] again = [];
        FuzzFailure.Unless(FuzzCase.Accepts(() => again = write(parse(written))), $"what was written of a {typeof(T).Name} does not parse");
        FuzzFailure.Unless(written.AsSpan().SequenceEqual(again), $"a {typeof(T).Name} changes when it is written and read");
    }

    private static void Use(object document)
    {
        switch (document)
        {
            case ImageIndex index:
                index.Select(Platform.Current);
                break;
            case ImageConfig config:
                Timestamp.Read(config.Created);
                Platform.Current.Rank(config.Platform);
                break;
        }
    }
}
