using System.Net;
using Mica.Oci;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>#pushing-a-blob-monolithically: POST then PUT, and a single POST.</summary>
public sealed class PushingBlobsMonolithicallyTests : ProtocolTests
{
    private static readonly byte[] s_blob = RegistryContent.Bytes(70_000);

    [Fact]
    public async Task PostThenPut_RightDigest_Is201WithThePlaceOfTheBlob()
    {
        using HttpResponseMessage post = await Registry.ExpectAsync(HttpStatusCode.Accepted, "POST", $"/v2/{Repository}/blobs/uploads/");
        string location = post.Headers.Location!.ToString();

        using HttpResponseMessage put = await Registry.ExpectAsync(
            HttpStatusCode.Created, "PUT", $"{location}?digest={Digest.Of(s_blob)}", new ByteArrayContent(s_blob));

        Assert.Equal("0", post.Header("Content-Length"));
        Assert.Equal($"/v2/{Repository}/blobs/{Digest.Of(s_blob)}", put.Header("Location"));
        Assert.Equal(Digest.Of(s_blob).ToString(), put.Header("Docker-Content-Digest"));
        using HttpResponseMessage get = await Registry.GetAsync(put.Header("Location")!);
        Assert.Equal(s_blob, await get.BytesAsync());
    }

    [Fact]
    public async Task Post_WithoutTheLastSlash_BeginsAnUpload()
    {
        using HttpResponseMessage post = await Registry.ExpectAsync(HttpStatusCode.Accepted, "POST", $"/v2/{Repository}/blobs/uploads");

        Assert.StartsWith($"/v2/{Repository}/blobs/uploads/", post.Header("Location"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SinglePost_RightDigest_Is201(bool isSha512)
    {
        Digest digest = isSha512 ? RegistryContent.Sha512(s_blob) : Digest.Of(s_blob);

        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.Created, "POST", $"/v2/{Repository}/blobs/uploads/?digest={digest}", new ByteArrayContent(s_blob));

        Assert.Equal(digest.ToString(), response.Header("Docker-Content-Digest"));
        Assert.Equal($"/v2/{Repository}/blobs/{digest}", response.Header("Location"));
        Assert.Equal(s_blob, await (await Registry.GetAsync($"/v2/{Repository}/blobs/{digest}")).BytesAsync());
    }

    [Fact]
    public async Task SinglePost_OfNothing_IsTheEmptyBlob()
    {
        Digest digest = await Registry.PushBlobAsync(Repository, []);

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", $"/v2/{Repository}/blobs/{digest}");

        Assert.Equal("0", response.Header("Content-Length"));
        Assert.Empty(await response.BytesAsync());
    }

    [Theory]
    [InlineData("single POST")]
    [InlineData("POST then PUT")]
    public async Task Push_WrongDigest_Is400AndLeavesNothing(string way)
    {
        Digest wrong = Digest.Of("other"u8);
        string address = way == "single POST" ? $"/v2/{Repository}/blobs/uploads/" : await Registry.BeginUploadAsync(Repository);

        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.BadRequest, way == "single POST" ? "POST" : "PUT", $"{address}?digest={wrong}", new ByteArrayContent(s_blob));

        Assert.Equal("DIGEST_INVALID", await response.ErrorAsync());
        foreach (Digest digest in (Digest[])[wrong, Digest.Of(s_blob)])
        {
            using HttpResponseMessage head = await Registry.ExpectAsync(HttpStatusCode.NotFound, "HEAD", $"/v2/{Repository}/blobs/{digest}");
        }

        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Registry.Directory, "blobs"), "*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("")]
    [InlineData("?digest=")]
    [InlineData("?digest=sha256:abc")]
    [InlineData("?digest=md5:d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("?digest=SHA256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855")]
    [InlineData("?digest=../../etc/passwd")]
    public async Task Put_DigestMissingOrMalformed_Is400AndTheUploadGoesOn(string query)
    {
        string upload = await Registry.BeginUploadAsync(Repository);

        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.BadRequest, "PUT", upload + query, new ByteArrayContent(s_blob));

        Assert.Equal("DIGEST_INVALID", await response.ErrorAsync());
        using HttpResponseMessage put = await Registry.ExpectAsync(
            HttpStatusCode.Created, "PUT", $"{upload}?digest={Digest.Of(s_blob)}", new ByteArrayContent(s_blob));
    }

    [Fact]
    public async Task Push_TheSameBlobTwiceAndElsewhere_IsStoredOnce()
    {
        await Registry.PushBlobAsync(Repository, s_blob);
        await Registry.PushBlobAsync(Repository, s_blob);
        await Registry.PushBlobAsync("other", s_blob);

        Assert.Single(Directory.EnumerateFiles(Path.Combine(Registry.Directory, "blobs"), "*", SearchOption.AllDirectories));
        Assert.Equal(s_blob, await (await Registry.GetAsync($"/v2/other/blobs/{Digest.Of(s_blob)}")).BytesAsync());
    }

    [Fact]
    public async Task Push_TheSameBlobAtOnceFromManyClients_AllGet201()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(number => Registry.PushBlobAsync($"many/{number % 3}", s_blob)));

        Assert.Single(Directory.EnumerateFiles(Path.Combine(Registry.Directory, "blobs"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Push_LargerThanAllowed_Is413()
    {
        await using RegistryServerFixture small = await RegistryServerFixture.StartAsync(
            options => options with { Limits = options.Limits with { MaxBlobSize = 1000 } });

        using HttpResponseMessage response = await small.ExpectAsync(
            HttpStatusCode.RequestEntityTooLarge, "POST", $"/v2/{Repository}/blobs/uploads/?digest={Digest.Of(s_blob)}", new ByteArrayContent(s_blob));

        Assert.Equal("SIZE_INVALID", await response.ErrorAsync());
        await small.PushBlobAsync(Repository, s_blob[..1000]);
    }

    [Fact]
    public async Task Push_AboveTheQuota_Is403AndLeavesNoBytes()
    {
        await using RegistryServerFixture small = await RegistryServerFixture.StartAsync(
            options => options with { Limits = options.Limits with { Quotas = options.Limits.Quotas.Add("team", 70_100) } });
        await small.PushBlobAsync(Repository, s_blob);

        using HttpResponseMessage response = await small.ExpectAsync(
            HttpStatusCode.Forbidden,
            "POST",
            $"/v2/{Repository}/blobs/uploads/?digest={Digest.Of(s_blob.AsSpan(0, 200))}",
            new ByteArrayContent(s_blob[..200]));

        Assert.Equal("DENIED", await response.ErrorAsync());
        Assert.Single(Directory.EnumerateFiles(Path.Combine(small.Directory, "blobs"), "*", SearchOption.AllDirectories));
    }
}
