using System.Collections.Immutable;
using System.Text;
using Mica.Layers;
using Mica.Oci;
using Mica.Store;

namespace Mica.Fuzz.Archives;

/// <summary>A file of an archive, or a symbolic link in it.</summary>
internal sealed record Member(string Name, byte[] Content, string? Target = null);

/// <summary>One small image in the forms that archives have had over the years.</summary>
internal static class SampleArchives
{
    private static readonly byte[] s_layer = new byte[1024];

    private static readonly byte[] s_config = Testdata.Bytes(
        $$$"""{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["{{{Digest.Of(s_layer)}}}"]}}""");

    private static readonly byte[] s_manifest = new ImageManifest
    {
        MediaType = MediaTypes.OciManifest,
        Config = Descriptor.Of(MediaTypes.OciConfig, s_config),
        Layers = [Descriptor.Of(MediaTypes.OciLayer, s_layer)],
    }.ToJson();

    private static readonly byte[] s_platforms = new ImageIndex
    {
        MediaType = MediaTypes.OciIndex,
        Manifests = [Descriptor.Of(MediaTypes.OciManifest, s_manifest) with { Platform = Platform.Current }],
    }.ToJson();

    /// <summary>An image layout with an index of platforms.</summary>
    public static ImmutableArray<Member> Oci { get; } =
    [
        Blob(s_layer), Blob(s_config), Blob(s_manifest), Blob(s_platforms),
        new(OciLayoutFormat.IndexName, new ImageIndex
        {
            Manifests = [OciLayoutFormat.Entry(Descriptor.Of(MediaTypes.OciIndex, s_platforms), "latest", "docker.io/library/a:latest")],
        }.ToJson()),
        new(OciLayoutFormat.MarkerName, OciLayoutFormat.Marker.ToArray()),
    ];

    /// <summary>What docker wrote from 1.10 to 24.</summary>
    public static ImmutableArray<Member> Docker { get; } =
    [
        new("c.json", s_config), new("l/layer.tar", s_layer), new("g/layer.tar", Gzip(s_layer)), new("k/layer.tar", [], "../l/layer.tar"),
        new("manifest.json", Testdata.Bytes("""[{"Config":"c.json","RepoTags":["a:latest"],"Layers":["k/layer.tar"]},{"Config":"c.json","RepoTags":null,"Layers":["g/layer.tar"]}]""")),
    ];

    /// <summary>What docker writes since 25.</summary>
    public static ImmutableArray<Member> Both { get; } =
    [
        .. Oci,
        new("manifest.json", Testdata.Bytes($$"""[{"Config":"{{Name(s_config)}}","RepoTags":["a:latest"],"Layers":["{{Name(s_layer)}}"]}]""")),
        new("repositories", Testdata.Bytes($$$"""{"a":{"latest":"{{{Digest.Of(s_layer).Hex}}}"}}""")),
    ];

    /// <summary>What docker wrote before 1.10.</summary>
    public static ImmutableArray<Member> Legacy { get; } =
    [
        new("repositories", Testdata.Bytes($$$"""{"a":{"latest":"{{{Id('b')}}}"}}""")),
        new($"{Id('a')}/json", Testdata.Bytes($$$"""{"id":"{{{Id('a')}}}","created":"2014-01-02T03:04:05Z","container_config":{"Cmd":["/bin/sh","-c","#(nop) x"]}}""")),
        new($"{Id('a')}/layer.tar", s_layer),
        new($"{Id('b')}/json", Testdata.Bytes($$$"""{"id":"{{{Id('b')}}}","parent":"{{{Id('a')}}}","author":"<a>","comment":"c","os":"linux","config":{"Cmd":["x"]},"Size":1}""")),
        new($"{Id('b')}/layer.tar", Gzip(s_layer)),
    ];

    public static byte[] Gzip(byte[] content)
    {
        using var target = new MemoryStream();
        using (Stream gzip = LayerCompressor.Open(target, LayerCompression.Gzip, workers: 1))
        {
            gzip.Write(content);
        }

        return target.ToArray();
    }

    private static Member Blob(byte[] content) => new(Name(content), content);

    private static string Name(byte[] content) => $"blobs/sha256/{Digest.Of(content).Hex}";

    private static string Id(char digit) => new StringBuilder().Append(digit, 64).ToString();
}
