using System.Collections.Immutable;
using System.Text;
using Mica.Oci;
using Mica.Store;
using Mica.Tests.Oci;
using static Mica.Tests.Layers.Tar;
using static Mica.Tests.Store.Archives.DockerTar;

namespace Mica.Tests.Store.Archives;

public sealed class ImageArchiveTests : IDisposable
{
    private const string LayerId = "7612310de476ad2e24edc743c1aff574b2f5d5249bd5abed375f2e83a6538972";
    private const string ParentId = "0000000000000000000000000000000000000000000000000000000000000001";

    private readonly ArchiveScratch _scratch = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Open_ManifestJson_KeepsTheImageId()
    {
        ImageArchive archive = await _scratch.OpenAsync(Of(
            File("base.tar", Base), File("top.tar", Top), File("c.json", Config), Manifest("c.json", ["busybox:v1", "me/x:2"], "base.tar", "top.tar")));

        ListedImage listed = Assert.Single(await archive.ListAsync(Cancellation));

        Assert.Equal(["docker.io/library/busybox:v1", "docker.io/me/x:2"], listed.References.Select(reference => reference.ToString()));
        Assert.Equal(MediaTypes.DockerManifest, listed.Descriptor.MediaType);
        Image image = await Image.OpenAsync(archive, listed.Descriptor, Platform.Parse("linux/amd64"), Cancellation);
        Assert.Equal(ImageId, image.Id);
        Assert.Equal(Config, image.Document(image.Manifest.Config));
        Assert.Equal([(Digest.Of(Base), Digest.Of(Base)), (Digest.Of(Top), Digest.Of(Top))], image.Layers.Select(pair => (pair.Layer.Digest, pair.DiffId)));
        Assert.All(image.Manifest.Layers, layer => Assert.Equal(MediaTypes.DockerLayer, layer.MediaType));
        Assert.Equal(Top, await ReadAsync(archive, image.Manifest.Layers[1]));
    }

    [Theory]
    [InlineData("busybox:v1")]
    [InlineData("docker.io/library/busybox:v1")]
    [InlineData("busybox")]
    [InlineData("@0")]
    public async Task Resolve_AnyFormOfTheName_IsTheImage(string reference)
    {
        ImageArchive archive = await _scratch.OpenAsync(Of(
            File("base.tar", Base), File("c.json", MakeConfig(Base)), Manifest("c.json", ["busybox:v1", "busybox:latest"], "base.tar")));

        Assert.NotNull(await archive.ResolveAsync(reference, Cancellation));
        Assert.Null(await archive.ResolveAsync("busybox:v2", Cancellation));
    }

    [Fact]
    public async Task Open_CompressedLayers_AreTakenAsTheyAre()
    {
        byte[] gzip = Gzip(Base);
        byte[] zstd = await ZstdAsync(Top);
        ImageArchive archive = await _scratch.OpenAsync(Of(
            File("base.tar", gzip), File("top.tar", zstd), File("c.json", Config), Manifest("c.json", [], "base.tar", "top.tar")));

        Image image = await OpenOnlyAsync(archive);

        Assert.Equal([Descriptor.Of(MediaTypes.DockerLayerGzip, gzip), Descriptor.Of(MediaTypes.DockerLayerZstd, zstd)], image.Manifest.Layers);
        Assert.Equal(ImageId, image.Id);
        Assert.Equal(gzip, await ReadAsync(archive, image.Manifest.Layers[0]));
    }

    [Fact]
    public async Task Open_LayersBehindLinks_AreFound()
    {
        byte[] config = MakeConfig(Base, Base, Top);
        ImageArchive archive = await _scratch.OpenAsync(Of(
            File("./top.tar", Top), File("abc.tar", Base), Symlink($"{LayerId}/layer.tar", "../abc.tar"), Hard("hard/layer.tar", $"{LayerId}/layer.tar"),
            File("c.json", config), Manifest("c.json", [], $"{LayerId}/layer.tar", "hard/layer.tar", "top.tar")));

        Image image = await OpenOnlyAsync(archive);

        Assert.Equal([Digest.Of(Base), Digest.Of(Base), Digest.Of(Top)], image.Manifest.Layers.Select(layer => layer.Digest));
        Assert.Equal(Base, await ReadAsync(archive, image.Manifest.Layers[1]));
    }

    [Fact]
    public async Task Open_TwoImagesWithASharedLayer_ListsBoth()
    {
        byte[] config = MakeConfig(Base);
        ImageArchive archive = await _scratch.OpenAsync(Of(
            File("base.tar", Base), File("top.tar", Top), File("1.json", config), File("2.json", Config),
            File("manifest.json", $"[{Item("1.json", ["a:1"], "base.tar")},{Item("2.json", ["b:1"], "base.tar", "top.tar")}]")));

        Assert.Equal(["a:1", "b:1"], (await archive.ListAsync(Cancellation)).SelectMany(image => image.Names));
        MicaException error = await Assert.ThrowsAsync<MicaException>(async () => await archive.ResolveOnlyAsync(Cancellation));
        Assert.EndsWith("holds 2 images; say which: a:1, b:1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_Legacy_MakesTheConfigThatDockerMakes()
    {
        ImageArchive archive = await _scratch.OpenAsync(Legacy());

        ListedImage listed = Assert.Single(await archive.ListAsync(Cancellation));
        Image image = await OpenOnlyAsync(archive);

        Assert.Equal(["busybox:v1"], listed.Names);
        Assert.Equal([Digest.Of(Base), Digest.Of(Top)], image.Config.RootFs.DiffIds);
        Assert.Equal(
            $$$"""{"architecture":"amd64","author":"me","config":{"Cmd":["sh","\u003e"]},"container_config":{"Cmd":["/bin/sh","-c","#(nop) CMD [\"sh\"]"]},"created":"2015-10-31T22:22:55.613815829Z","docker_version":"1.9.1","history":[{"created":"2015-10-31T22:22:54Z","created_by":"/bin/sh -c #(nop) ADD file:\u0026"},{"created":"2015-10-31T22:22:55.613815829Z","created_by":"/bin/sh -c #(nop) CMD [\"sh\"]","author":"me"}],"os":"linux","rootfs":{"type":"layers","diff_ids":["{{{Digest.Of(Base)}}}","{{{Digest.Of(Top)}}}"]}}""",
            Encoding.UTF8.GetString(image.Document(image.Manifest.Config)!));
        Assert.Equal(Top, await ReadAsync(archive, image.Manifest.Layers[1]));
    }

    [Fact]
    public async Task Open_LayoutWithManifestJson_TakesTheLayoutsManifestAndNames()
    {
        (SampleImage image, Member[] members) = Layout("docker.io/library/busybox:v1", "v1");
        ImageArchive archive = await _scratch.OpenAsync(Of([.. members,
            Manifest($"blobs/sha256/{image.Config.Digest.Hex}", ["busybox:v1"], [.. image.Layers.Select(layer => $"blobs/sha256/{layer.Digest.Hex}")])]));

        ListedImage listed = Assert.Single(await archive.ListAsync(Cancellation));

        Assert.Equal(image.Manifest.Digest, listed.Descriptor.Digest);
        Assert.Equal(["docker.io/library/busybox:v1"], listed.References.Select(reference => reference.ToString()));
    }

    [Fact]
    public async Task Open_LayoutWithBareTag_TakesTheNameFromManifestJson()
    {
        (SampleImage image, Member[] members) = Layout(null, "v1");
        ImageArchive archive = await _scratch.OpenAsync(Of([.. members,
            Manifest($"blobs/sha256/{image.Config.Digest.Hex}", ["busybox:v1"], [.. image.Layers.Select(layer => $"blobs/sha256/{layer.Digest.Hex}")])]));

        ListedImage listed = Assert.Single(await archive.ListAsync(Cancellation));

        Assert.Equal("docker.io/library/busybox:v1", Assert.Single(listed.References).ToString());
        Assert.Equal(["busybox:v1", "v1"], listed.Names);
    }

    [Fact]
    public async Task Open_ImageThatOnlyManifestJsonHas_IsListedToo()
    {
        (_, Member[] members) = Layout(null, "v1");
        ImageArchive archive = await _scratch.OpenAsync(Of([.. members,
            File("blobs/sha256/1", Base), File("blobs/sha256/2", Top), File("blobs/sha256/3", Config), Manifest("blobs/sha256/3", [], "blobs/sha256/1", "blobs/sha256/2")]));

        Assert.Equal(2, (await archive.ListAsync(Cancellation)).Length);
    }

    [Fact]
    public async Task Open_ManifestWithoutLayersOfDocker250_IsMadeFromManifestJson()
    {
        Descriptor config = Descriptor.Of(MediaTypes.OciConfig, Config);
        byte[] empty = new ImageManifest { MediaType = MediaTypes.OciManifest, Config = config }.ToJson();
        Descriptor manifest = Descriptor.Of(MediaTypes.OciManifest, empty);
        ImageArchive archive = await _scratch.OpenAsync(Of(
            File("oci-layout", """{"imageLayoutVersion":"1.0.0"}"""),
            File("index.json", new ImageIndex { Manifests = [Named(manifest, "docker.io/library/busybox:v1", "v1")] }.ToJson()),
            File($"blobs/sha256/{manifest.Digest.Hex}", empty),
            File($"blobs/sha256/{config.Digest.Hex}", Config),
            File($"blobs/sha256/{Digest.Of(Base).Hex}", Base),
            File($"blobs/sha256/{Digest.Of(Top).Hex}", Top),
            Manifest($"blobs/sha256/{config.Digest.Hex}", ["busybox:v1"], $"blobs/sha256/{Digest.Of(Base).Hex}", $"blobs/sha256/{Digest.Of(Top).Hex}")));

        Image image = await OpenOnlyAsync(archive);

        Assert.Equal(ImageId, image.Id);
        Assert.Equal(2, image.Manifest.Layers.Length);
        Assert.Equal("docker.io/library/busybox:v1", Assert.Single(Assert.Single(await archive.ListAsync(Cancellation)).References).ToString());
    }

    [Fact]
    public async Task Open_IndexWithAbsentPlatform_SaysWhatIsThere()
    {
        (SampleImage image, Member[] members) = Layout(null, "v1");
        SampleImage absent = SampleImage.Create(seed: 9);
        byte[] json = new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [image.Manifest, absent.Manifest] }.ToJson();
        Descriptor index = Descriptor.Of(MediaTypes.OciIndex, json);
        ImageArchive archive = await _scratch.OpenAsync(Of([.. members, File($"blobs/sha256/{index.Digest.Hex}", json)]));

        Assert.True(archive.Contains(index.Digest));
        Assert.True(archive.Contains(image.Manifest.Digest));
        Assert.False(archive.Contains(absent.Manifest.Digest));
        Assert.Equal(MediaTypes.OciIndex, (await archive.ResolveAsync(index.Digest.ToString(), Cancellation))?.MediaType);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    [InlineData("plain")]
    public async Task Open_Stream_IsReadWithoutSeeking(string compression)
    {
        byte[] plain = Of(File("base.tar", Base), File("c.json", MakeConfig(Base)), Manifest("c.json", ["a:1"], "base.tar"));
        byte[] bytes = compression switch { "gzip" => Gzip(plain), "zstd" => await ZstdAsync(plain), _ => plain };
        using var stream = new BorrowedStream(new MemoryStream(bytes));

        ImageArchive archive = _scratch.Keep(await ImageArchive.OpenAsync(stream, "standard input", _scratch.Options, Cancellation));

        Assert.Equal("standard input", archive.DisplayName);
        Assert.Equal(Base, await ReadAsync(archive, (await OpenOnlyAsync(archive)).Manifest.Layers[0]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_scratch.Spool));
    }

    [Fact]
    public async Task Open_CompressedFile_IsUnpackedFirst()
    {
        byte[] plain = Of(File("base.tar", Base), File("c.json", MakeConfig(Base)), Manifest("c.json", ["a:1"], "base.tar"));

        ImageArchive archive = await _scratch.OpenAsync(Gzip(plain));

        Assert.Equal(Base, await ReadAsync(archive, (await OpenOnlyAsync(archive)).Manifest.Layers[0]));
    }

    [Fact]
    public async Task Open_PlainFile_WritesNothing()
    {
        await _scratch.OpenAsync(Of(File("base.tar", Base), File("c.json", MakeConfig(Base)), Manifest("c.json", [], "base.tar")));

        Assert.False(Directory.Exists(_scratch.Spool));
    }

    [Fact]
    public async Task Dispose_ThenOpen_Fails()
    {
        ImageArchive archive = await _scratch.OpenAsync(Of(File("base.tar", Base), File("c.json", MakeConfig(Base)), Manifest("c.json", [], "base.tar")));
        Descriptor layer = (await OpenOnlyAsync(archive)).Manifest.Layers[0];

        archive.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => ReadAsync(archive, layer));
    }

    private static byte[] Legacy() => Of(
        Dir(LayerId),
        File($"{LayerId}/VERSION", "1.0"),
        File($"{LayerId}/json", $$"""
            { "id": "{{LayerId}}", "parent": "{{ParentId}}", "created": "2015-10-31T22:22:55.613815829Z", "author": "me", "Size": 0,
              "docker_version": "1.9.1", "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) CMD [\"sh\"]"]},
              "config": {"Cmd": ["sh", ">"]}, "architecture": "amd64", "os": "linux", "throwaway": true }
            """),
        File($"{LayerId}/layer.tar", Top),
        File($"{ParentId}/json", $$"""
            {"id":"{{ParentId}}","created":"2015-10-31T22:22:54Z","container_config":{"Cmd":["/bin/sh","-c","#(nop) ADD file:&"]} }
            """),
        File($"{ParentId}/layer.tar", Gzip(Base)),
        File("repositories", $$"""{"busybox":{"v1":"{{LayerId}}"} }"""));

    private static (SampleImage Image, Member[] Members) Layout(string? imageName, string refName)
    {
        SampleImage image = SampleImage.Create();
        return (image,
        [
            File("oci-layout", """{"imageLayoutVersion":"1.0.0"}"""),
            File("index.json", new ImageIndex { Manifests = [Named(image.Manifest, imageName, refName)] }.ToJson()),
            .. image.Descriptors.Select(one => File($"blobs/sha256/{one.Digest.Hex}", image[one])),
        ]);
    }

    private static Descriptor Named(Descriptor descriptor, string? imageName, string refName)
    {
        ImmutableSortedDictionary<string, string> annotations = ImmutableSortedDictionary<string, string>.Empty.Add("org.opencontainers.image.ref.name", refName);
        return descriptor with { Annotations = imageName is null ? annotations : annotations.Add("io.containerd.image.name", imageName) };
    }

    private static async Task<byte[]> ZstdAsync(byte[] content)
    {
        using var result = new MemoryStream();
        await using (var zstd = new ZstdSharp.CompressionStream(result, leaveOpen: true))
        {
            await zstd.WriteAsync(content, Cancellation);
        }

        return result.ToArray();
    }

    private static async Task<Image> OpenOnlyAsync(ImageArchive archive) =>
        await Image.OpenAsync(archive, await archive.ResolveOnlyAsync(Cancellation), Platform.Parse("linux/amd64"), Cancellation);

    private static async Task<byte[]> ReadAsync(ImageArchive source, Descriptor descriptor)
    {
        await using Stream stream = await source.OpenAsync(descriptor, Cancellation);
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Cancellation);
        return copy.ToArray();
    }
}
