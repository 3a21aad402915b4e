using System.Net;
using Mica.Oci;
using Mica.RegistryServer.Collection;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>#deleting-tags, #deleting-manifests, #deleting-blobs.</summary>
public sealed class DeletingTests : ProtocolTests
{
    [Fact]
    public async Task DeletingTags_Is202ThenTheTagIs404AndTheManifestStays()
    {
        TestManifest image = await Registry.PushImageAsync(Repository, "v1");
        await Registry.PushManifestAsync(Repository, image, "v2");

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.Accepted, "DELETE", $"/v2/{Repository}/manifests/v1");

        using HttpResponseMessage gone = await Registry.ExpectAsync(HttpStatusCode.NotFound, "GET", $"/v2/{Repository}/manifests/v1");
        using HttpResponseMessage other = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", $"/v2/{Repository}/manifests/v2");
        using HttpResponseMessage digest = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", $"/v2/{Repository}/manifests/{image.Digest}");
        using HttpResponseMessage again = await Registry.ExpectAsync(HttpStatusCode.NotFound, "DELETE", $"/v2/{Repository}/manifests/v1");
        Assert.Equal("MANIFEST_UNKNOWN", await again.ErrorAsync());
        using HttpResponseMessage list = await Registry.GetAsync($"/v2/{Repository}/tags/list");
        Assert.Equal("v2", (string)Assert.Single((await list.JsonAsync())["tags"]!.AsArray())!);
    }

    [Fact]
    public async Task DeletingTags_TheLastOne_LeavesTheDigestPullable()
    {
        TestManifest image = await Registry.PushImageAsync(Repository, "v1");

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.Accepted, "DELETE", $"/v2/{Repository}/manifests/v1");
        await Registry.Server.CollectAsync(Cancelled);

        Assert.Equal(image.Content, await (await Registry.GetAsync($"/v2/{Repository}/manifests/{image.Digest}")).BytesAsync());
    }

    [Fact]
    public async Task DeletingManifests_Is202ThenDigestAndTagsAre404()
    {
        TestManifest image = await Registry.PushImageAsync(Repository, "v1");
        await Registry.PushManifestAsync(Repository, image, "v2");
        TestManifest other = await Registry.PushImageAsync(Repository, "v3", seed: 2);

        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.Accepted, "DELETE", $"/v2/{Repository}/manifests/{image.Digest}");

        foreach (string reference in (string[])["v1", "v2", image.Digest.ToString()])
        {
            using HttpResponseMessage get = await Registry.ExpectAsync(HttpStatusCode.NotFound, "GET", $"/v2/{Repository}/manifests/{reference}");
            using HttpResponseMessage head = await Registry.ExpectAsync(HttpStatusCode.NotFound, "HEAD", $"/v2/{Repository}/manifests/{reference}");
        }

        using HttpResponseMessage again = await Registry.ExpectAsync(
            HttpStatusCode.NotFound, "DELETE", $"/v2/{Repository}/manifests/{image.Digest}");
        Assert.Equal("MANIFEST_UNKNOWN", await again.ErrorAsync());
        Assert.Equal(other.Content, await (await Registry.GetAsync($"/v2/{Repository}/manifests/v3")).BytesAsync());
    }

    [Fact]
    public async Task DeletingManifests_InOneRepository_LeavesThoseOfOthers()
    {
        TestManifest image = await Registry.PushImageAsync(Repository);
        await Registry.PushImageAsync("other");

        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.Accepted, "DELETE", $"/v2/{Repository}/manifests/{image.Digest}");

        Assert.Equal(image.Content, await (await Registry.GetAsync($"/v2/other/manifests/{image.Digest}")).BytesAsync());
    }

    [Theory]
    [InlineData("sha256:abc", HttpStatusCode.BadRequest)]
    [InlineData(".bad", HttpStatusCode.NotFound)]
    [InlineData("missing", HttpStatusCode.NotFound)]
    public async Task DeletingManifests_OfNoSuchReference_Is4xx(string reference, HttpStatusCode status)
    {
        await Registry.PushImageAsync(Repository);

        using HttpResponseMessage here = await Registry.ExpectAsync(status, "DELETE", $"/v2/{Repository}/manifests/{reference}");
        using HttpResponseMessage nowhere = await Registry.ExpectAsync(status, "DELETE", $"/v2/nowhere/manifests/{reference}");
    }

    [Fact]
    public async Task DeletingBlobs_Is202Then404AndLeavesOtherRepositoriesAlone()
    {
        byte[] blob = RegistryContent.Bytes(3000);
        Digest digest = await Registry.PushBlobAsync(Repository, blob);
        await Registry.PushBlobAsync("other", blob);

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.Accepted, "DELETE", $"/v2/{Repository}/blobs/{digest}");
        await Registry.Server.CollectAsync(Cancelled);

        using HttpResponseMessage get = await Registry.ExpectAsync(HttpStatusCode.NotFound, "GET", $"/v2/{Repository}/blobs/{digest}");
        using HttpResponseMessage head = await Registry.ExpectAsync(HttpStatusCode.NotFound, "HEAD", $"/v2/{Repository}/blobs/{digest}");
        using HttpResponseMessage again = await Registry.ExpectAsync(HttpStatusCode.NotFound, "DELETE", $"/v2/{Repository}/blobs/{digest}");
        Assert.Equal("BLOB_UNKNOWN", await again.ErrorAsync());
        Assert.Equal(blob, await (await Registry.GetAsync($"/v2/other/blobs/{digest}")).BytesAsync());
    }

    [Fact]
    public async Task DeletingBlobs_ThenPushingAgain_BringsItBack()
    {
        byte[] blob = RegistryContent.Bytes(3000);
        Digest digest = await Registry.PushBlobAsync(Repository, blob);
        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.Accepted, "DELETE", $"/v2/{Repository}/blobs/{digest}");
        CollectionReport report = await Registry.Server.CollectAsync(Cancelled);

        await Registry.PushBlobAsync(Repository, blob);

        Assert.Equal(3000, report.Bytes);
        Assert.Equal(blob, await (await Registry.GetAsync($"/v2/{Repository}/blobs/{digest}")).BytesAsync());
    }

    [Theory]
    [InlineData("sha256:abc")]
    [InlineData("md5:d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("latest")]
    public async Task DeletingBlobs_OfAMalformedDigest_Is400(string digest)
    {
        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.BadRequest, "DELETE", $"/v2/{Repository}/blobs/{digest}");

        Assert.Equal("DIGEST_INVALID", await response.ErrorAsync());
    }
}
