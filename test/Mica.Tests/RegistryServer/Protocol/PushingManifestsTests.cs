using System.Net;
using System.Text;
using Mica.Oci;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>#pushing-manifests.</summary>
public sealed class PushingManifestsTests : ProtocolTests
{
    private static readonly byte[] s_config = "{\"architecture\":\"amd64\",\"os\":\"linux\"}"u8.ToArray();
    private static readonly byte[] s_layer = RegistryContent.Bytes(500);

    private static readonly string s_core =
        $"\"config\":{RegistryContent.Descriptor(s_config, MediaTypes.OciConfig)},\"layers\":[{RegistryContent.Descriptor(s_layer, MediaTypes.OciLayerGzip)}]";

    [Fact]
    public async Task Put_ByTag_Is201WithThePlaceByDigest()
    {
        await PushBlobsAsync();
        TestManifest manifest = RegistryContent.Manifest(s_config, [s_layer]);

        using HttpResponseMessage response = await PutAsync("v1", manifest);

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal($"/v2/{Repository}/manifests/{manifest.Digest}", response.Header("Location"));
        Assert.Equal(manifest.Digest.ToString(), response.Header("Docker-Content-Digest"));
        Assert.Null(response.Header("OCI-Subject"));
        Assert.Null(response.Header("OCI-Tag"));
        Assert.Equal(manifest.Content, await (await Registry.GetAsync(response.Header("Location")!)).BytesAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Put_ByDigestWithTags_MovesThemAllAndSaysSo(bool isSha512)
    {
        await PushBlobsAsync();
        TestManifest manifest = RegistryContent.Manifest(s_config, [s_layer]);
        string digest = (isSha512 ? RegistryContent.Sha512(manifest.Content) : manifest.Digest).ToString();

        using HttpResponseMessage response = await PutAsync($"{digest}?tag=v1&tag=v1.2&tag=latest&tag=v1", manifest);

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(["v1", "v1.2", "latest"], response.Headers.GetValues("OCI-Tag"));
        foreach (string tag in (string[])["v1", "v1.2", "latest"])
        {
            using HttpResponseMessage get = await Registry.GetAsync($"/v2/{Repository}/manifests/{tag}");
            Assert.Equal(digest, get.Header("Docker-Content-Digest"));
        }
    }

    [Fact]
    public async Task Put_TenTags_AreTakenAndElevenAre414()
    {
        await PushBlobsAsync();
        TestManifest manifest = RegistryContent.Manifest(s_config, [s_layer]);
        string tags = string.Join('&', Enumerable.Range(0, 10).Select(number => $"tag=v{number}"));

        using HttpResponseMessage ten = await PutAsync($"{manifest.Digest}?{tags}", manifest);
        using HttpResponseMessage eleven = await PutAsync($"{manifest.Digest}?{tags}&tag=v10", manifest);

        Assert.Equal(10, ten.Headers.GetValues("OCI-Tag").Count());
        Assert.Equal(HttpStatusCode.RequestUriTooLong, eleven.StatusCode);
    }

    [Fact]
    public async Task Put_OneOfTheTagsIsInvalid_MovesNone()
    {
        await PushBlobsAsync();
        TestManifest manifest = RegistryContent.Manifest(s_config, [s_layer]);

        using HttpResponseMessage response = await PutAsync($"{manifest.Digest}?tag=good&tag=.bad", manifest);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("MANIFEST_INVALID", await response.ErrorAsync());
        using HttpResponseMessage get = await Registry.ExpectAsync(HttpStatusCode.NotFound, "GET", $"/v2/{Repository}/manifests/good");
    }

    [Theory]
    [InlineData("\n\t {{ \"schemaVersion\" : 2,\r\n   {0} , \"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"}}  \n\n")]
    [InlineData("{{\"x-own\":{{\"a\":[1,2.50,1e3,null]}},\"schemaVersion\":2,{0},\"annotations\":{{\"\\u0061\":\"\\u00fc\\/\"}}}}")]
    public async Task Put_OddlyWritten_KeepsEveryByte(string form)
    {
        await PushBlobsAsync();
        var manifest = new TestManifest(
            Encoding.UTF8.GetBytes(string.Format(System.Globalization.CultureInfo.InvariantCulture, form, s_core)), MediaTypes.OciManifest);

        using HttpResponseMessage response = await PutAsync("odd", manifest);

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(manifest.Digest.ToString(), response.Header("Docker-Content-Digest"));
        Assert.Equal(manifest.Content, await (await Registry.GetAsync($"/v2/{Repository}/manifests/odd")).BytesAsync());
    }

    [Theory]
    [InlineData(4 << 20, HttpStatusCode.Created)]
    [InlineData((4 << 20) + 1, HttpStatusCode.RequestEntityTooLarge)]
    public async Task Put_FourMebibytes_AreTakenAndNoByteMore(int size, HttpStatusCode status)
    {
        await PushBlobsAsync();
        byte[] start = Encoding.UTF8.GetBytes($"{{\"schemaVersion\":2,{s_core},\"annotations\":{{\"fill\":\"");
        byte[] end = "\"}}"u8.ToArray();
        byte[] fill = new byte[size - start.Length - end.Length];
        Array.Fill(fill, (byte)'x');
        var manifest = new TestManifest([.. start, .. fill, .. end], MediaTypes.OciManifest);

        using HttpResponseMessage response = await PutAsync("big", manifest);

        Assert.Equal(status, response.StatusCode);
        if (status == HttpStatusCode.Created)
        {
            Assert.Equal(manifest.Content, await (await Registry.GetAsync($"/v2/{Repository}/manifests/big")).BytesAsync());
        }
    }

    [Fact]
    public async Task Put_DockerManifestAndList_AreTakenWithTheirTypes()
    {
        await PushBlobsAsync();
        var manifest = new TestManifest(
            Encoding.UTF8.GetBytes(
                $$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.DockerManifest}}","config":{{RegistryContent.Descriptor(s_config, MediaTypes.DockerConfig)}},"layers":[{{RegistryContent.Descriptor(s_layer, MediaTypes.DockerLayerGzip)}}]}"""),
            MediaTypes.DockerManifest);
        await Registry.PushManifestAsync(Repository, manifest);
        var list = new TestManifest(
            Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"mediaType":"{{MediaTypes.DockerIndex}}","manifests":[{{manifest.Descriptor}}]}"""),
            MediaTypes.DockerIndex);

        using HttpResponseMessage response = await PutAsync("docker", list);

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(MediaTypes.DockerIndex, (await Registry.GetAsync($"/v2/{Repository}/manifests/docker")).Header("Content-Type"));
        Assert.Equal(MediaTypes.DockerManifest, (await Registry.GetAsync($"/v2/{Repository}/manifests/{manifest.Digest}")).Header("Content-Type"));
    }

    [Fact]
    public async Task Put_IndexOfIndexes_IsTaken()
    {
        TestManifest image = await Registry.PushImageAsync(Repository, reference: null);
        TestManifest inner = RegistryContent.Index(image);
        await Registry.PushManifestAsync(Repository, inner);

        using HttpResponseMessage response = await PutAsync("nested", RegistryContent.Index(inner, image));

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
    }

    [Theory]
    [InlineData("config")]
    [InlineData("layer")]
    [InlineData("manifest")]
    [InlineData("blob of another repository")]
    public async Task Put_WhatItNeedsIsMissing_Is404ManifestBlobUnknown(string missing)
    {
        await Registry.PushBlobAsync(missing == "config" ? "other" : Repository, s_config);
        await Registry.PushBlobAsync(missing is "layer" or "blob of another repository" ? "other" : Repository, s_layer);
        TestManifest manifest = RegistryContent.Manifest(s_config, [s_layer]);

        using HttpResponseMessage response = await PutAsync("v1", missing == "manifest" ? RegistryContent.Index(manifest) : manifest);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("MANIFEST_BLOB_UNKNOWN", await response.ErrorAsync());
        using HttpResponseMessage get = await Registry.ExpectAsync(HttpStatusCode.NotFound, "GET", $"/v2/{Repository}/manifests/v1");
    }

    [Theory]
    [InlineData("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")]
    [InlineData("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")]
    public async Task Put_NondistributableLayer_NeedNotBeThere(string type)
    {
        await Registry.PushBlobAsync(Repository, s_config);
        var manifest = new TestManifest(
            Encoding.UTF8.GetBytes(
                $$"""{"schemaVersion":2,"config":{{RegistryContent.Descriptor(s_config, MediaTypes.OciConfig)}},"layers":[{"mediaType":"{{type}}","digest":"{{Digest.Of(s_layer)}}","size":500,"urls":["https://example.org/layer"]}]}"""),
            MediaTypes.OciManifest);

        using HttpResponseMessage response = await PutAsync("foreign", manifest);

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
    }

    [Fact]
    public async Task Put_ImageWithoutLayers_IsTaken()
    {
        await Registry.PushBlobAsync(Repository, s_config);

        using HttpResponseMessage response = await PutAsync("empty", RegistryContent.Manifest(s_config, []));

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
    }

    [Theory]
    [InlineData("application/vnd.docker.distribution.manifest.v1+json")]
    [InlineData("application/vnd.docker.distribution.manifest.v1+prettyjws")]
    [InlineData("application/vnd.oci.image.manifest.v1+json")]
    [InlineData("")]
    public async Task Put_Schema1_IsRefused(string type)
    {
        var manifest = new TestManifest("{\"schemaVersion\":1,\"name\":\"a\",\"tag\":\"b\",\"fsLayers\":[],\"history\":[]}"u8.ToArray(), type);

        using HttpResponseMessage response = await PutAsync("old", manifest);

        Assert.True(response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.UnsupportedMediaType, response.StatusCode.ToString());
        await response.ErrorAsync();
    }

    [Fact]
    public async Task Put_UnderAnotherDigest_Is400()
    {
        await PushBlobsAsync();
        TestManifest manifest = RegistryContent.Manifest(s_config, [s_layer]);

        foreach (string reference in (string[])[
            Digest.Of("other"u8).ToString(), RegistryContent.Sha512(s_layer).ToString(), $"v1?digest={Digest.Of("other"u8)}"])
        {
            using HttpResponseMessage response = await PutAsync(reference, manifest);
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Equal("DIGEST_INVALID", await response.ErrorAsync());
        }

        using HttpResponseMessage get = await Registry.ExpectAsync(HttpStatusCode.NotFound, "GET", $"/v2/{Repository}/manifests/{manifest.Digest}");
    }

    [Fact]
    public async Task Put_ByTagWithASha512Digest_IsStoredUnderThat()
    {
        await PushBlobsAsync();
        TestManifest manifest = RegistryContent.Manifest(s_config, [s_layer]);
        Digest digest = RegistryContent.Sha512(manifest.Content);

        using HttpResponseMessage response = await PutAsync($"v1?digest={digest}", manifest);

        Assert.Equal(digest.ToString(), response.Header("Docker-Content-Digest"));
        Assert.Equal(digest.ToString(), (await Registry.GetAsync($"/v2/{Repository}/manifests/v1")).Header("Docker-Content-Digest"));
    }

    [Theory]
    [InlineData("\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",", HttpStatusCode.Created)]
    [InlineData("", HttpStatusCode.Created)]
    [InlineData("\"mediaType\":\"application/x-other\",", HttpStatusCode.BadRequest)]
    public async Task Put_WithoutAContentType_IsWhatTheDocumentSays(string own, HttpStatusCode status)
    {
        await PushBlobsAsync();

        using HttpResponseMessage response = await PutAsync("v1", new TestManifest(Encoding.UTF8.GetBytes($"{{{own}\"schemaVersion\":2,{s_core}}}"), ""));

        Assert.Equal(status, response.StatusCode);
        if (status == HttpStatusCode.Created)
        {
            Assert.Equal(MediaTypes.OciManifest, (await Registry.GetAsync($"/v2/{Repository}/manifests/v1")).Header("Content-Type"));
        }
    }

    [Fact]
    public async Task Put_ContentTypeWithAParameter_IsStoredWithoutIt()
    {
        await PushBlobsAsync();
        TestManifest manifest = RegistryContent.Manifest(s_config, [s_layer]) with { MediaType = MediaTypes.OciManifest + "; charset=utf-8" };

        using HttpResponseMessage response = await PutAsync("v1", manifest);

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(MediaTypes.OciManifest, (await Registry.GetAsync($"/v2/{Repository}/manifests/v1")).Header("Content-Type"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("{}")]
    [InlineData("{\"schemaVersion\":3,{0}}")]
    [InlineData("{\"schemaVersion\":\"2\",{0}}")]
    [InlineData("{{0}}")]
    [InlineData("{\"schemaVersion\":2,\"layers\":[]}")]
    [InlineData("{\"schemaVersion\":2,\"config\":null,\"layers\":[]}")]
    [InlineData("{\"schemaVersion\":2,{0},{0}}")]
    [InlineData("{\"schemaVersion\":2,{0},\"manifests\":[]}")]
    [InlineData("{\"schemaVersion\":2,{0},\"mediaType\":\"application/vnd.oci.image.index.v1+json\"}")]
    [InlineData("{\"schemaVersion\":2,{0}} {}")]
    [InlineData("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"a\",\"digest\":\"sha256:short\",\"size\":1},\"layers\":[]}")]
    [InlineData("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"a\",\"digest\":\"../../x\",\"size\":1},\"layers\":[]}")]
    [InlineData("{\"schemaVersion\":2,{0},\"subject\":{\"digest\":1}}")]
    [InlineData("{\"schemaVersion\":2,{0},\"annotations\":{\"a\":1}}")]
    [InlineData("{\"schemaVersion\":2,{0},\"annotations\":{\"a\":\"\\ud800\"}}")]
    public async Task Put_MalformedOrAmbiguous_Is400(string form)
    {
        await PushBlobsAsync();
        byte[] content = Encoding.UTF8.GetBytes(form.Replace("{0}", s_core, StringComparison.Ordinal));

        using HttpResponseMessage response = await PutAsync("bad", new TestManifest(content, MediaTypes.OciManifest));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("MANIFEST_INVALID", await response.ErrorAsync());
    }

    [Fact]
    public async Task Put_DeeplyNestedJson_Is400()
    {
        byte[] content = Encoding.UTF8.GetBytes($"{{\"schemaVersion\":2,\"x\":{new string('[', 100_000)}{new string(']', 100_000)}}}");

        using HttpResponseMessage response = await PutAsync("deep", new TestManifest(content, MediaTypes.OciManifest));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task Put_IndexWithLayers_Is400()
    {
        byte[] content = Encoding.UTF8.GetBytes($"{{\"schemaVersion\":2,\"manifests\":[],{s_core}}}");

        using HttpResponseMessage response = await PutAsync("both", new TestManifest(content, MediaTypes.OciIndex));

        Assert.Equal("MANIFEST_INVALID", await response.ErrorAsync());
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("text/html")]
    [InlineData("nonsense")]
    public async Task Put_OfAnUnknownType_Is400(string type)
    {
        await PushBlobsAsync();

        using HttpResponseMessage response = await PutAsync("v1", RegistryContent.Manifest(s_config, [s_layer]) with { MediaType = type });

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("MANIFEST_INVALID", await response.ErrorAsync());
    }

    [Fact]
    public async Task Put_Again_ChangesNothing()
    {
        await PushBlobsAsync();
        TestManifest manifest = RegistryContent.Manifest(s_config, [s_layer]);
        await Registry.PushManifestAsync(Repository, manifest, "v1");

        await Registry.PushManifestAsync(Repository, manifest, "v1");
        await Registry.PushManifestAsync(Repository, manifest);

        Assert.Equal(manifest.Content, await (await Registry.GetAsync($"/v2/{Repository}/manifests/v1")).BytesAsync());
    }

    private Task<HttpResponseMessage> PutAsync(string reference, TestManifest manifest) =>
        Registry.SendAsync("PUT", $"/v2/{Repository}/manifests/{reference}", manifest.Body());

    private async Task PushBlobsAsync()
    {
        await Registry.PushBlobAsync(Repository, s_config);
        await Registry.PushBlobAsync(Repository, s_layer);
    }
}
