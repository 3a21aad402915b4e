using System.Net;
using System.Text;
using Mica.Oci;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>#pulling-manifests, and of #checking-if-content-exists-in-the-registry what is about manifests.</summary>
public sealed class PullingManifestsTests : ProtocolTests
{
    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task Manifest_ByTagAndByDigest_HasItsTypeDigestAndLength(string method)
    {
        TestManifest image = await Registry.PushImageAsync(Repository, "v1");

        foreach (string reference in (string[])["v1", image.Digest.ToString()])
        {
            using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, method, $"/v2/{Repository}/manifests/{reference}");

            Assert.Equal(MediaTypes.OciManifest, response.Header("Content-Type"));
            Assert.Equal(image.Digest.ToString(), response.Header("Docker-Content-Digest"));
            Assert.Equal($"\"{image.Digest}\"", response.Header("ETag"));
            Assert.Equal(image.Content.Length, response.Content.Headers.ContentLength);
            Assert.Equal("registry/2.0", response.Header("Docker-Distribution-Api-Version"));
            Assert.Equal(method == "GET" ? image.Content : [], await response.BytesAsync());
        }
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task Manifest_ThatIsNotThere_Is404(string method)
    {
        TestManifest image = await Registry.PushImageAsync(Repository);

        foreach (string path in (string[])[
            $"/v2/{Repository}/manifests/missing",
            $"/v2/{Repository}/manifests/{Digest.Of("other"u8)}",
            $"/v2/other/manifests/latest",
            $"/v2/other/manifests/{image.Digest}"])
        {
            using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.NotFound, method, path);
            if (method == "GET")
            {
                Assert.Equal("MANIFEST_UNKNOWN", await response.ErrorAsync());
            }
        }
    }

    [Fact]
    public async Task Manifest_BySha512_IsKnownByThatDigestAlone()
    {
        await Registry.PushBlobAsync(Repository, RegistryContent.EmptyJson);
        TestManifest manifest = RegistryContent.Manifest(RegistryContent.EmptyJson, []);
        Digest digest = RegistryContent.Sha512(manifest.Content);
        using HttpResponseMessage put = await Registry.ExpectAsync(
            HttpStatusCode.Created, "PUT", $"/v2/{Repository}/manifests/{digest}", manifest.Body());

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", $"/v2/{Repository}/manifests/{digest}");

        Assert.Equal(digest.ToString(), put.Header("Docker-Content-Digest"));
        Assert.Equal(digest.ToString(), response.Header("Docker-Content-Digest"));
        Assert.Equal(manifest.Content, await response.BytesAsync());
        using HttpResponseMessage other = await Registry.ExpectAsync(
            HttpStatusCode.NotFound, "GET", $"/v2/{Repository}/manifests/{manifest.Digest}");
    }

    [Theory]
    [InlineData("{0}", HttpStatusCode.NotModified)]
    [InlineData("W/{0}", HttpStatusCode.NotModified)]
    [InlineData("\"x\", {0}", HttpStatusCode.NotModified)]
    [InlineData("*", HttpStatusCode.NotModified)]
    [InlineData("\"x\"", HttpStatusCode.OK)]
    [InlineData("not a tag", HttpStatusCode.OK)]
    public async Task Manifest_IfNoneMatch_IsSentOnlyWhenItIsAnother(string condition, HttpStatusCode status)
    {
        TestManifest image = await Registry.PushImageAsync(Repository);

        using HttpResponseMessage response = await Registry.GetAsync(
            $"/v2/{Repository}/manifests/latest", ("If-None-Match", condition.Replace("{0}", $"\"{image.Digest}\"", StringComparison.Ordinal)));

        Assert.Equal(status, response.StatusCode);
        Assert.Equal($"\"{image.Digest}\"", response.Header("ETag"));
        Assert.Equal(status == HttpStatusCode.OK ? image.Content : [], await response.BytesAsync());
    }

    [Fact]
    public async Task Manifest_AcceptedTypesAreOthers_IsSentAsItIs()
    {
        TestManifest image = await Registry.PushImageAsync(Repository);

        using HttpResponseMessage response = await Registry.GetAsync(
            $"/v2/{Repository}/manifests/latest", ("Accept", MediaTypes.DockerManifest));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(MediaTypes.OciManifest, response.Header("Content-Type"));
        Assert.Equal(image.Content, await response.BytesAsync());
    }

    [Fact]
    public async Task Manifest_TagMoved_IsTheNewOneAtOnceAndTheOldOneByDigest()
    {
        TestManifest first = await Registry.PushImageAsync(Repository, seed: 1);
        Assert.Equal(first.Content, await (await Registry.GetAsync($"/v2/{Repository}/manifests/latest")).BytesAsync());

        TestManifest second = await Registry.PushImageAsync(Repository, seed: 2);

        Assert.Equal(second.Content, await (await Registry.GetAsync($"/v2/{Repository}/manifests/latest")).BytesAsync());
        Assert.Equal(first.Content, await (await Registry.GetAsync($"/v2/{Repository}/manifests/{first.Digest}")).BytesAsync());
    }

    [Fact]
    public async Task Manifest_AfterARestart_IsStillThere()
    {
        TestManifest image = await Registry.PushImageAsync(Repository);

        await Registry.RestartAsync();

        Assert.Equal(image.Content, await (await Registry.GetAsync($"/v2/{Repository}/manifests/latest")).BytesAsync());
        Assert.Equal("{}", Encoding.UTF8.GetString(await (await Registry.GetAsync("/v2/")).BytesAsync()));
    }
}
