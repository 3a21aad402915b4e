using System.Net;
using Mica.Oci;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>#pulling-blobs, with the ranges of RFC 9110, section 14, and #checking-if-content-exists-in-the-registry.</summary>
public sealed class PullingBlobsTests : ProtocolTests
{
    private static readonly byte[] s_blob = RegistryContent.Bytes(1000);

    private static string Path => $"/v2/{Repository}/blobs/{Digest.Of(s_blob)}";

    [Fact]
    public async Task Blob_Get_IsTheBytesWithTheirDigest()
    {
        await Registry.PushBlobAsync(Repository, s_blob);

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", Path);

        Assert.Equal(s_blob, await response.BytesAsync());
        Assert.Equal(Digest.Of(s_blob).ToString(), response.Header("Docker-Content-Digest"));
        Assert.Equal("1000", response.Header("Content-Length"));
        Assert.Equal("application/octet-stream", response.Header("Content-Type"));
        Assert.Equal("bytes", response.Header("Accept-Ranges"));
    }

    [Fact]
    public async Task Blob_LargerThanABuffer_IsWhole()
    {
        byte[] blob = RegistryContent.Bytes((3 << 20) + 17);
        Digest digest = await Registry.PushBlobAsync(Repository, blob);

        using HttpResponseMessage response = await Registry.GetAsync($"/v2/{Repository}/blobs/{digest}");

        Assert.Equal(blob, await response.BytesAsync());
    }

    [Fact]
    public async Task CheckingIfContentExists_Head_TellsLengthAndDigestWithoutABody()
    {
        await Registry.PushBlobAsync(Repository, s_blob);

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "HEAD", Path);

        Assert.Equal("1000", response.Header("Content-Length"));
        Assert.Equal(Digest.Of(s_blob).ToString(), response.Header("Docker-Content-Digest"));
        Assert.Empty(await response.BytesAsync());
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task Blob_ThatTheRepositoryLacks_Is404ThoughAnotherHasIt(string method)
    {
        await Registry.PushBlobAsync("other", s_blob);

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.NotFound, method, Path);

        if (method == "GET")
        {
            Assert.Equal("BLOB_UNKNOWN", await response.ErrorAsync());
        }
    }

    [Theory]
    [InlineData("bytes=0-0", 0, 1)]
    [InlineData("bytes=10-19", 10, 10)]
    [InlineData("bytes=990-", 990, 10)]
    [InlineData("bytes=-7", 993, 7)]
    [InlineData("bytes=-5000", 0, 1000)]
    [InlineData("bytes=500-5000", 500, 500)]
    [InlineData("bytes=999-999", 999, 1)]
    [InlineData("bytes=0-", 0, 1000)]
    public async Task Range_WithinTheBlob_Is206WithThoseBytes(string range, int first, int count)
    {
        await Registry.PushBlobAsync(Repository, s_blob);

        using HttpResponseMessage response = await Registry.GetAsync(Path, ("Range", range));

        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal($"bytes {first}-{first + count - 1}/1000", response.Header("Content-Range"));
        Assert.Equal(s_blob[first..(first + count)], await response.BytesAsync());
    }

    [Theory]
    [InlineData("bytes=1000-")]
    [InlineData("bytes=1000-1001")]
    [InlineData("bytes=-0")]
    [InlineData("bytes=9223372036854775807-")]
    public async Task Range_BehindTheBlob_Is416WithItsSize(string range)
    {
        await Registry.PushBlobAsync(Repository, s_blob);

        using HttpResponseMessage response = await Registry.GetAsync(Path, ("Range", range));

        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, response.StatusCode);
        Assert.Equal("bytes */1000", response.Header("Content-Range"));
        await response.ErrorAsync();
        Assert.Null(response.Header("ETag"));
        Assert.Null(response.Header("Cache-Control"));
    }

    [Theory]
    [InlineData("bytes=0-1,5-6")]
    [InlineData("bytes=5-2")]
    [InlineData("bytes=")]
    [InlineData("bytes=x-y")]
    [InlineData("lines=0-1")]
    [InlineData("bytes=99999999999999999999-")]
    public async Task Range_SeveralOrMalformed_IsTheWholeBlob(string range)
    {
        await Registry.PushBlobAsync(Repository, s_blob);

        using HttpResponseMessage response = await Registry.GetAsync(Path, ("Range", range));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(s_blob, await response.BytesAsync());
    }

    [Theory]
    [InlineData(true, HttpStatusCode.PartialContent)]
    [InlineData(false, HttpStatusCode.OK)]
    public async Task Range_IfRange_IsServedOnlyOfTheSameBlob(bool isSame, HttpStatusCode status)
    {
        await Registry.PushBlobAsync(Repository, s_blob);

        using HttpResponseMessage response = await Registry.GetAsync(
            Path, ("Range", "bytes=1-2"), ("If-Range", isSame ? $"\"{Digest.Of(s_blob)}\"" : "\"other\""));

        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task Range_OfAHead_IsIgnored()
    {
        await Registry.PushBlobAsync(Repository, s_blob);

        using HttpResponseMessage response = await Registry.SendAsync("HEAD", Path, null, ("Range", "bytes=1-2"));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("1000", response.Header("Content-Length"));
        Assert.Null(response.Header("Content-Range"));
    }

    [Theory]
    [InlineData("{0}")]
    [InlineData("W/{0}")]
    [InlineData("\"a\", \"b\", {0}")]
    [InlineData("*")]
    public async Task Blob_IfNoneMatchNamesIt_Is304WithoutABody(string condition)
    {
        await Registry.PushBlobAsync(Repository, s_blob);
        string tag = $"\"{Digest.Of(s_blob)}\"";

        using HttpResponseMessage response = await Registry.GetAsync(
            Path, ("If-None-Match", condition.Replace("{0}", tag, StringComparison.Ordinal)), ("Range", "bytes=0-1"));

        Assert.Equal(HttpStatusCode.NotModified, response.StatusCode);
        Assert.Equal(tag, response.Header("ETag"));
        Assert.Empty(await response.BytesAsync());
    }

    [Fact]
    public async Task Blob_WhoseBytesAreMissing_Is404ThatNobodyCaches()
    {
        await Registry.PushBlobAsync(Repository, s_blob);
        string file = Assert.Single(Directory.EnumerateFiles(System.IO.Path.Combine(Registry.Directory, "blobs"), "*", SearchOption.AllDirectories));
        File.Delete(file);

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.NotFound, "GET", Path);

        await response.ErrorAsync();
        Assert.Null(response.Header("ETag"));
        Assert.Null(response.Header("Cache-Control"));
        Assert.Null(response.Header("Docker-Content-Digest"));
    }

    [Fact]
    public async Task Blob_WhoseBytesAreCutOff_EndsInAnErrorNotInAShortBody()
    {
        await Registry.PushBlobAsync(Repository, s_blob);
        string file = Assert.Single(Directory.EnumerateFiles(System.IO.Path.Combine(Registry.Directory, "blobs"), "*", SearchOption.AllDirectories));
        await using (FileStream stream = File.OpenWrite(file))
        {
            stream.SetLength(400);
        }

        await Assert.ThrowsAnyAsync<HttpRequestException>(async () =>
        {
            using HttpResponseMessage response = await Registry.GetAsync(Path);
            await response.BytesAsync();
        });
    }
}
