using System.Text;
using Mica.Oci;

namespace Mica.Tests.Oci;

/// <summary>Manifests, indexes and configs: what is read, what is refused, and what is written.</summary>
public sealed class DocumentTests
{
    private const string A = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const string B = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    private const string Config = $$$"""{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{{{A}}}","size":7}""";
    private const string Layer = $$$"""{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{{{B}}}","size":9}""";
    private const string Manifest = $$$"""{"schemaVersion":2,"config":{{{Config}}},"layers":[{{{Layer}}}]}""";

    [Fact]
    public void Manifest_Oci_IsRead()
    {
        ImageManifest manifest = ImageManifest.Parse(Json($$$"""
            {"schemaVersion":2,"mediaType":"{{{MediaTypes.OciManifest}}}","artifactType":"a/b","config":{{{Config}}},"layers":[{{{Layer}}}],
             "subject":{{{Config}}},"annotations":{"k":"v"},"unknown":{"x":[1]}}
            """), MediaTypes.OciManifest);

        Assert.Equal((A, 7L), (manifest.Config.Digest.ToString(), manifest.Config.Size));
        Assert.Equal(B, Assert.Single(manifest.Layers).Digest.ToString());
        Assert.Equal(("a/b", A, "v"), (manifest.ArtifactType, manifest.Subject!.Digest.ToString(), manifest.Annotations!["k"]));
    }

    [Fact]
    public void Manifest_DockerSchema2_IsRead()
    {
        ImageManifest manifest = ImageManifest.Parse(Json($$$"""
            {"schemaVersion":2,"mediaType":"{{{MediaTypes.DockerManifest}}}","config":{"mediaType":"{{{MediaTypes.DockerConfig}}}","size":7,"digest":"{{{A}}}"},
             "layers":[{"mediaType":"{{{MediaTypes.DockerForeignLayer}}}","size":1,"digest":"{{{B}}}","urls":["https://x/y"]}]}
            """), MediaTypes.DockerManifest);

        Assert.Equal(["https://x/y"], manifest.Layers[0].Urls!.Value);
    }

    [Fact]
    public void Manifest_NullLayersAsGoWritesThem_AreNone()
    {
        Assert.Empty(ImageManifest.Parse(Json(Manifest.Replace($"[{Layer}]", "null", StringComparison.Ordinal)), MediaTypes.OciManifest).Layers);
        Assert.Empty(ImageIndex.Parse(Json("""{"schemaVersion":2,"manifests":null}"""), MediaTypes.OciIndex).Manifests);
        Assert.Empty(ImageConfig.Parse(Json("""{"rootfs":{"type":"layers","diff_ids":null},"history":null}""")).RootFs.DiffIds);
    }

    [Theory]
    [InlineData("""{"schemaVersion":2,"schemaVersion":2,"config":C,"layers":[]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[],"layers":[L]}""")]
    [InlineData("""{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"A","digest":"A","size":1},"layers":[]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[],"annotations":{"k":"1","k":"2"}}""")]
    public void Manifest_DuplicateKeys_AreRefused(string json)
    {
        Assert.Matches("(D|d)uplicate|stands twice", Refused(json).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"schemaVersion\":2,\"config\":C,\"layers\":[L]")]
    [InlineData("{\"schemaVersion\":2,\"config\":C,\"layers\":[L]}x")]
    [InlineData("""{"config":C,"layers":[L]}""")]
    [InlineData("""{"schemaVersion":"2","config":C,"layers":[L]}""")]
    [InlineData("""{"schemaVersion":3,"config":C,"layers":[L]}""")]
    [InlineData("""{"schemaVersion":2,"layers":[L]}""")]
    [InlineData("""{"schemaVersion":2,"config":null,"layers":[L]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[null]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":{}}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[{"mediaType":"a/b","digest":"A"}]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[{"mediaType":"a/b","size":1}]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[{"digest":"A","size":1}]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[{"mediaType":"a/b","digest":"A","size":-1}]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[{"mediaType":"a/b","digest":"A","size":1.5}]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[{"mediaType":"a/b","digest":"A","size":99999999999999999999}]}""")]
    [InlineData("""{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"A","size":-7},"layers":[]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[{"mediaType":"a/b","digest":"sha256:../../etc","size":1}]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[{"mediaType":"a/b","digest":"md5:d41d8cd98f00b204e9800998ecf8427e","size":1}]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[{"mediaType":"a/b","digest":7,"size":1}]}""")]
    [InlineData("""{"schemaVersion":2,"config":C,"layers":[{"mediaType":"a/b","digest":"A","size":1,"data":"!"}]}""")]
    public void Manifest_Malformed_IsRefused(string json)
    {
        Refused(json);
    }

    [Fact]
    public void Manifest_DeeplyNested_IsRefused()
    {
        Refused($$$"""{"schemaVersion":2,"config":C,"layers":[],"x":{{{new string('[', 5000)}}}{{{new string(']', 5000)}}}}""");
    }

    [Fact]
    public void Manifest_CallsItselfSomethingElse_IsRefused()
    {
        MicaException error = Refused($$$"""{"schemaVersion":2,"mediaType":"{{{MediaTypes.DockerManifest}}}","config":C,"layers":[L]}""");

        Assert.Equal($"image manifest calls itself {MediaTypes.DockerManifest}, but its descriptor says {MediaTypes.OciManifest}", error.Message);
    }

    [Fact]
    public void Cve_2021_41190_DocumentThatIsBothManifestAndIndex_IsRefused()
    {
        Assert.Contains("ambiguous", Refused("""{"schemaVersion":2,"config":C,"layers":[L],"manifests":[]}""").Message, StringComparison.Ordinal);
        foreach (string json in new[] { """{"schemaVersion":2,"manifests":[],"layers":[]}""", """{"schemaVersion":2,"manifests":[],"config":{}}""" })
        {
            MicaException error = Assert.Throws<MicaException>(() => ImageIndex.Parse(Json(json), MediaTypes.OciIndex));
            Assert.Contains("ambiguous", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("""{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[]}""", MediaTypes.OciManifest)]
    [InlineData("""{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[]}""", MediaTypes.DockerSchema1Signed)]
    [InlineData("""{"schemaVersion":1,"mediaType":"application/vnd.docker.distribution.manifest.v1+json"}""", MediaTypes.DockerManifest)]
    [InlineData("x", MediaTypes.DockerSchema1)]
    public void Manifest_Schema1_IsUnsupportedWithWhatToDo(string json, string mediaType)
    {
        MicaException error = Assert.Throws<MicaException>(() => ImageManifest.Parse(Json(json), mediaType));

        Assert.Equal(ErrorKind.Unsupported, error.Kind);
        Assert.Contains("schema 1 is not supported; ask the image's author", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Manifest_ThatWeAuthor_IsCompactWithPlusSignsAsTheyAre()
    {
        var manifest = new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = new Descriptor { MediaType = MediaTypes.OciConfig, Digest = Digest.Parse(A), Size = 7 },
            Layers = [new Descriptor { MediaType = MediaTypes.OciLayerGzip, Digest = Digest.Parse(B), Size = 9 }],
        };

        Assert.Equal(
            $$$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{{Config}}},"layers":[{{{Layer}}}]}""",
            Encoding.UTF8.GetString(manifest.ToJson()));
        Assert.Equal(manifest.ToJson(), ImageManifest.Parse(manifest.ToJson(), MediaTypes.OciManifest).ToJson());
    }

    [Fact]
    public void Index_WithEverything_IsReadAndWrittenBack()
    {
        string json = $$$"""
            {"schemaVersion":2,"mediaType":"{{{MediaTypes.OciIndex}}}","artifactType":"a/b","manifests":[{"mediaType":"{{{MediaTypes.OciManifest}}}","digest":"{{{A}}}","size":1,"urls":["u"],"annotations":{"é":"ü<>&'"},"data":"AAH/","artifactType":"c/d","platform":{"os":"linux","architecture":"arm","variant":"v7","os.version":"1","os.features":["f"]}}],"subject":{"mediaType":"x/y","digest":"{{{B}}}","size":0},"annotations":{"b":"2"}}
            """;

        ImageIndex index = ImageIndex.Parse(Json(json), MediaTypes.OciIndex);

        Assert.Equal(json, Encoding.UTF8.GetString(index.ToJson()));
        Assert.Equal([0, 1, 255], index.Manifests[0].Data!.Value.ToArray());
    }

    [Fact]
    public void Index_Docker_IsRead()
    {
        ImageIndex index = ImageIndex.Parse(Json($$$"""
            {"schemaVersion":2,"mediaType":"{{{MediaTypes.DockerIndex}}}","manifests":[{"mediaType":"{{{MediaTypes.DockerManifest}}}","size":1,"digest":"{{{A}}}","platform":{"architecture":"amd64","os":"linux","features":["sse4"]}}]}
            """), MediaTypes.DockerIndex);

        Assert.Equal("linux/amd64", index.Manifests[0].Platform!.ToString());
    }

    [Theory]
    [InlineData("linux/amd64", 'a')]
    [InlineData("linux/amd64/v2", 'a')]
    [InlineData("linux/arm64", 'c')]
    [InlineData("linux/arm/v7", 'd')]
    [InlineData("linux/arm/v6", 'd')]
    [InlineData("linux/arm/v5", null)]
    [InlineData("linux/s390x", null)]
    [InlineData("unknown/unknown", null)]
    public void Index_Select_TakesTheBestEntryForThePlatform(string platform, char? expected)
    {
        ImageIndex index = Index(("linux/amd64", 'a'), ("unknown/unknown", 'b'), ("linux/arm64", 'c'), ("linux/arm/v6", 'd'), ("linux/amd64", 'e'));

        string[] parts = platform.Split('/');
        Descriptor? selected = index.Select(new Platform { Os = parts[0], Architecture = parts[1], Variant = parts.Length > 2 ? parts[2] : null });

        Assert.Equal(expected, selected?.Digest.Hex[0]);
    }

    [Fact]
    public void Index_SelectWithoutPlatforms_TakesTheFirst()
    {
        ImageIndex index = Index((null, 'a'), (null, 'b'));

        Assert.Equal('a', index.Select(Platform.Parse("linux/amd64"))!.Digest.Hex[0]);
        Assert.Null(Index().Select(Platform.Parse("linux/amd64")));
    }

    [Fact]
    public void Children_OfADocument_AreWhatItCannotDoWithout()
    {
        Assert.Equal([A, B], ManifestDocument.Children(Json(Manifest), MediaTypes.OciManifest).Select(child => child.Digest.ToString()));
        Assert.Equal(2, ManifestDocument.Children(Index((null, 'a'), (null, 'b')).ToJson(), MediaTypes.OciIndex).Length);
    }

    [Theory]
    [InlineData(Manifest, MediaTypes.OciManifest)]
    [InlineData("""{"schemaVersion":2,"manifests":[]}""", MediaTypes.OciIndex)]
    [InlineData("""{"mediaType":"application/vnd.docker.distribution.manifest.v2+json"}""", MediaTypes.DockerManifest)]
    [InlineData("""{"schemaVersion":1,"fsLayers":[]}""", MediaTypes.DockerSchema1)]
    [InlineData("""{"schemaVersion":1e99}""", null)]
    [InlineData("""{"architecture":"amd64","rootfs":{}}""", null)]
    [InlineData("[1]", null)]
    [InlineData("7", null)]
    [InlineData("{", null)]
    [InlineData("", null)]
    [InlineData("{\"mediaType\":\"\\ud800\"}", null)]
    public void Sniff_Bytes_TellsWhatTheyAre(string json, string? mediaType)
    {
        Assert.Equal(mediaType, ManifestDocument.Sniff(Json(json)));
    }

    [Fact]
    public void Config_OfDocker_KeepsWhatItDoesNotKnow()
    {
        string json = $$$"""
            {"created":"2024-05-01T02:03:04.123456700Z","author":"x","architecture":"arm","variant":"v7","os":"linux","config":{"User":"1:2","ExposedPorts":{"80/tcp":{}},"Env":["A=b"],"Entrypoint":["e"],"Cmd":["c"],"Healthcheck":{"Test":["CMD","t"],"Interval":30000000000,"Retries":3},"Volumes":{"/v":{}},"WorkingDir":"/w","Labels":{"l":"m"},"StopSignal":"SIGINT","OnBuild":["RUN x"],"Shell":["/bin/sh"],"NetworkDisabled":true},"rootfs":{"type":"layers","diff_ids":["{{{A}}}","{{{B}}}"]},"history":[{"created":"2024-05-01T02:03:04Z","created_by":"RUN é && <x>","comment":"buildkit"},{"created_by":"ENV","empty_layer":true}]}
            """;

        ImageConfig config = ImageConfig.Parse(Json(json));

        Assert.Equal("linux/arm/v7", config.Platform.ToString());
        Assert.Equal([A, B], config.RootFs.DiffIds.Select(diffId => diffId.ToString()));
        Assert.Equal([false, true], config.History.Select(entry => entry.EmptyLayer));
        Assert.True(config.Config!.Other!["NetworkDisabled"].GetBoolean());
        Assert.Equal(json, Encoding.UTF8.GetString(config.ToJson()));
        Assert.Equal(new DateTimeOffset(2024, 5, 1, 2, 3, 4, TimeSpan.Zero).AddTicks(1_234_567), Timestamp.Read(config.Created));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"rootfs":{"diff_ids":[]}}""")]
    [InlineData("""{"rootfs":{"type":"layers","diff_ids":["x"]}}""")]
    [InlineData("""{"rootfs":{"type":"layers"},"rootfs":{"type":"layers"}}""")]
    [InlineData("""{"rootfs":{"type":"layers"},"config":{"Env":[1]}}""")]
    [InlineData("""{"rootfs":{"type":"layers"},"config":{"Env":["a"],"Env":["b"]}}""")]
    [InlineData("""{"rootfs":{"type":"layers"},"config":{"X":1,"X":2}}""")]
    [InlineData("""{"rootfs":{"type":"layers"},"history":[null]}""")]
    public void Config_Malformed_IsRefused(string json)
    {
        MicaException error = Assert.Throws<MicaException>(() => ImageConfig.Parse(Json(json)));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Config_RootFsOfAnotherType_IsUnsupported()
    {
        Assert.Equal(ErrorKind.Unsupported, Assert.Throws<MicaException>(() => ImageConfig.Parse(Json("""{"rootfs":{"type":"ipfs"}}"""))).Kind);
    }

    private static MicaException Refused(string json)
    {
        byte[] bytes = Json(json.Replace(":C,", $":{Config},", StringComparison.Ordinal).Replace("[L]", $"[{Layer}]", StringComparison.Ordinal)
            .Replace("\"A\"", $"\"{A}\"", StringComparison.Ordinal));
        MicaException error = Assert.Throws<MicaException>(() => ImageManifest.Parse(bytes, MediaTypes.OciManifest));
        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.StartsWith("image manifest", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        return error;
    }

    private static ImageIndex Index(params (string? Platform, char Digest)[] entries) => new()
    {
        MediaType = MediaTypes.OciIndex,
        Manifests = [.. entries.Select(entry => new Descriptor
        {
            MediaType = MediaTypes.OciManifest,
            Digest = Digest.Parse("sha256:" + new string(entry.Digest, 64)),
            Size = 1,
            Platform = entry.Platform?.Split('/') is { } parts
                ? new Platform { Os = parts[0], Architecture = parts[1], Variant = parts.Length > 2 ? parts[2] : null }
                : null,
        })],
    };

    private static byte[] Json(string text) => Encoding.UTF8.GetBytes(text);
}
