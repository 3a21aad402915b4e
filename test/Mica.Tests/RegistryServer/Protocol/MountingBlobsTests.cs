using System.Net;
using Mica.Oci;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>#mounting-a-blob-from-another-repository.</summary>
public sealed class MountingBlobsTests : ProtocolTests
{
    private static readonly byte[] s_blob = RegistryContent.Bytes(2000);

    [Theory]
    [InlineData("&from=source/app")]
    [InlineData("")]
    public async Task Mount_BlobThatIsThere_Is201WithoutAnUpload(string from)
    {
        Digest digest = await Registry.PushBlobAsync("source/app", s_blob);

        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.Created, "POST", $"/v2/{Repository}/blobs/uploads/?mount={digest}{from}");

        Assert.Equal($"/v2/{Repository}/blobs/{digest}", response.Header("Location"));
        Assert.Equal(digest.ToString(), response.Header("Docker-Content-Digest"));
        Assert.Equal(s_blob, await (await Registry.GetAsync(response.Header("Location")!)).BytesAsync());
        Assert.Single(Directory.EnumerateFiles(Path.Combine(Registry.Directory, "blobs"), "*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("{0}", "other/app")]
    [InlineData("{0}", "UPPER/..")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "source/app")]
    [InlineData("sha256:zz", "source/app")]
    [InlineData("nonsense", "source/app")]
    public async Task Mount_WhatIsNotThere_Is202AndMayBeUploaded(string mount, string from)
    {
        Digest digest = await Registry.PushBlobAsync("source/app", s_blob);
        mount = mount.Replace("{0}", digest.ToString(), StringComparison.Ordinal);

        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.Accepted, "POST", $"/v2/{Repository}/blobs/uploads/?mount={mount}&from={from}");

        using HttpResponseMessage missing = await Registry.ExpectAsync(HttpStatusCode.NotFound, "HEAD", $"/v2/{Repository}/blobs/{digest}");
        using HttpResponseMessage put = await Registry.ExpectAsync(
            HttpStatusCode.Created, "PUT", $"{response.Header("Location")}?digest={digest}", new ByteArrayContent(s_blob));
    }

    [Fact]
    public async Task Mount_BlobThatWasDeletedInItsSource_Is202()
    {
        Digest digest = await Registry.PushBlobAsync("source/app", s_blob);
        using HttpResponseMessage delete = await Registry.ExpectAsync(HttpStatusCode.Accepted, "DELETE", $"/v2/source/app/blobs/{digest}");

        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.Accepted, "POST", $"/v2/{Repository}/blobs/uploads/?mount={digest}&from=source/app");
    }
}
