using System.Net;
using Mica.Oci;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>#pushing-a-blob-in-chunks, with the upload's status and its end by the client.</summary>
public sealed class PushingBlobsInChunksTests : ProtocolTests
{
    private static readonly byte[] s_blob = RegistryContent.Bytes(3000);

    [Theory]
    [InlineData("0-999", "1000-1999", "2000-2999")]
    [InlineData("bytes 0-999/*", "bytes 1000-1999/3000", "bytes 2000-2999/3000")]
    [InlineData(null, null, null)]
    public async Task Chunks_InOrder_BecomeTheBlob(string? first, string? second, string? third)
    {
        string upload = await Registry.BeginUploadAsync(Repository);
        using HttpResponseMessage one = await PatchAsync(upload, s_blob[..1000], first);
        using HttpResponseMessage two = await PatchAsync(one.Header("Location")!, s_blob[1000..2000], second);
        Assert.Equal("0-999", one.Header("Range"));
        Assert.Equal("0-1999", two.Header("Range"));

        using HttpResponseMessage last = await SendAsync(
            "PUT", $"{two.Header("Location")}?digest={Digest.Of(s_blob)}", s_blob[2000..], third);

        Assert.Equal(HttpStatusCode.Created, last.StatusCode);
        Assert.Equal($"/v2/{Repository}/blobs/{Digest.Of(s_blob)}", last.Header("Location"));
        Assert.Equal(s_blob, await (await Registry.GetAsync(last.Header("Location")!)).BytesAsync());
    }

    [Fact]
    public async Task Chunks_AllByPatch_AreClosedByAnEmptyPut()
    {
        string upload = await Registry.BeginUploadAsync(Repository);
        using HttpResponseMessage patch = await PatchAsync(upload, s_blob, "0-2999");

        using HttpResponseMessage put = await Registry.ExpectAsync(HttpStatusCode.Created, "PUT", $"{upload}?digest={Digest.Of(s_blob)}");

        Assert.Equal(s_blob, await (await Registry.GetAsync($"/v2/{Repository}/blobs/{Digest.Of(s_blob)}")).BytesAsync());
    }

    [Fact]
    public async Task Chunk_WithoutAnAnnouncedLength_IsTaken()
    {
        string upload = await Registry.BeginUploadAsync(Repository);
        using HttpResponseMessage patch = await Registry.SendAsync("PATCH", upload, new UnannouncedContent(s_blob));

        using HttpResponseMessage put = await Registry.SendAsync("PUT", $"{upload}?digest={Digest.Of(s_blob)}", new UnannouncedContent([]));

        Assert.Equal("0-2999", patch.Header("Range"));
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
    }

    [Theory]
    [InlineData("PATCH", "0-999")]
    [InlineData("PATCH", "1001-2000")]
    [InlineData("PATCH", "500-1499")]
    [InlineData("PUT", "0-999")]
    [InlineData("PUT", "1001-2000")]
    public async Task Chunk_OutOfOrder_Is416WithWhereToGoOn(string method, string range)
    {
        string upload = await Registry.BeginUploadAsync(Repository);
        using HttpResponseMessage first = await PatchAsync(upload, s_blob[..1000], "0-999");

        using HttpResponseMessage response = await SendAsync(
            method, method == "PUT" ? $"{upload}?digest={Digest.Of(s_blob)}" : upload, s_blob[1000..2000], range);

        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, response.StatusCode);
        Assert.Equal("0-999", response.Header("Range"));
        Assert.Equal(upload, response.Header("Location"));
        await response.ErrorAsync();
        using HttpResponseMessage next = await PatchAsync(upload, s_blob[1000..], "1000-2999");
        Assert.Equal("0-2999", next.Header("Range"));
        using HttpResponseMessage put = await Registry.ExpectAsync(HttpStatusCode.Created, "PUT", $"{upload}?digest={Digest.Of(s_blob)}");
    }

    [Fact]
    public async Task Chunk_FirstDoesNotBeginAtZero_Is416()
    {
        string upload = await Registry.BeginUploadAsync(Repository);

        using HttpResponseMessage response = await PatchAsync(upload, s_blob[1000..2000], "1000-1999", HttpStatusCode.RequestedRangeNotSatisfiable);

        Assert.Equal(upload, response.Header("Location"));
        Assert.Equal("0-0", response.Header("Range"));
    }

    [Theory]
    [InlineData("a-b")]
    [InlineData("0")]
    [InlineData("-1000")]
    [InlineData("999-0")]
    [InlineData("0-99-9")]
    [InlineData("0-99999999999999999999")]
    [InlineData("bytes=0-999")]
    public async Task Chunk_MalformedContentRange_Is416(string range)
    {
        string upload = await Registry.BeginUploadAsync(Repository);

        using HttpResponseMessage response = await PatchAsync(upload, s_blob[..1000], range, HttpStatusCode.RequestedRangeNotSatisfiable);

        Assert.Equal(upload, response.Header("Location"));
    }

    [Fact]
    public async Task Chunk_RangeAndLengthDisagree_Is400AndChangesNothing()
    {
        string upload = await Registry.BeginUploadAsync(Repository);

        using HttpResponseMessage response = await PatchAsync(upload, s_blob[..1000], "0-1999", HttpStatusCode.BadRequest);

        Assert.Equal("SIZE_INVALID", await response.ErrorAsync());
        using HttpResponseMessage status = await Registry.ExpectAsync(HttpStatusCode.NoContent, "GET", upload);
        Assert.Equal("0-0", status.Header("Range"));
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task Status_OfAnUpload_Is204WithWhatCame(string method)
    {
        string upload = await Registry.BeginUploadAsync(Repository);
        using HttpResponseMessage patch = await PatchAsync(upload, s_blob[..1234], "0-1233");

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.NoContent, method, upload);

        Assert.Equal("0-1233", response.Header("Range"));
        Assert.Equal(upload, response.Header("Location"));
    }

    [Fact]
    public async Task Upload_InAnotherRepository_IsUnknown()
    {
        string upload = await Registry.BeginUploadAsync(Repository);
        string elsewhere = upload.Replace(Repository, "other", StringComparison.Ordinal);

        foreach (string method in (string[])["GET", "PATCH", "PUT", "DELETE"])
        {
            using HttpResponseMessage response = await Registry.SendAsync(
                method, $"{elsewhere}?digest={Digest.Of(s_blob)}", method is "GET" ? null : new ByteArrayContent(s_blob));

            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            Assert.Equal("BLOB_UPLOAD_UNKNOWN", await response.ErrorAsync());
        }
    }

    [Fact]
    public async Task Cancel_AnUpload_Is204AndThenItIsUnknown()
    {
        string upload = await Registry.BeginUploadAsync(Repository);
        using HttpResponseMessage patch = await PatchAsync(upload, s_blob, "0-2999");

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.NoContent, "DELETE", upload);

        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Registry.Directory, "blobs"), "*", SearchOption.AllDirectories));
        foreach (string method in (string[])["GET", "PATCH", "PUT", "DELETE"])
        {
            using HttpResponseMessage after = await Registry.SendAsync(method, $"{upload}?digest={Digest.Of(s_blob)}");
            Assert.Equal(HttpStatusCode.NotFound, after.StatusCode);
        }
    }

    [Fact]
    public async Task Upload_AfterARestart_GoesOnWhereItWas()
    {
        string upload = await Registry.BeginUploadAsync(Repository);
        using HttpResponseMessage patch = await PatchAsync(upload, s_blob[..1000], "0-999");

        await Registry.RestartAsync();

        using HttpResponseMessage second = await PatchAsync(upload, s_blob[1000..], "1000-2999");
        using HttpResponseMessage put = await Registry.ExpectAsync(HttpStatusCode.Created, "PUT", $"{upload}?digest={Digest.Of(s_blob)}");
        Assert.Equal(s_blob, await (await Registry.GetAsync($"/v2/{Repository}/blobs/{Digest.Of(s_blob)}")).BytesAsync());
    }

    [Theory]
    [InlineData("?digest-algorithm=sha512")]
    [InlineData("")]
    public async Task Upload_ClosedBySha512_IsTakenWhetherOrNotItWasAnnounced(string query)
    {
        string upload = await Registry.BeginUploadAsync(Repository, query);
        using HttpResponseMessage patch = await PatchAsync(upload, s_blob[..1000], "0-999");
        Digest digest = RegistryContent.Sha512(s_blob);

        using HttpResponseMessage put = await SendAsync("PUT", $"{upload}?digest={digest}", s_blob[1000..], "1000-2999");

        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        Assert.Equal(digest.ToString(), put.Header("Docker-Content-Digest"));
        Assert.Equal(s_blob, await (await Registry.GetAsync($"/v2/{Repository}/blobs/{digest}")).BytesAsync());
    }

    [Fact]
    public async Task Upload_AnnouncedAsSha512_MayStillBeClosedBySha256()
    {
        string upload = await Registry.BeginUploadAsync(Repository, "?digest-algorithm=sha512");
        using HttpResponseMessage patch = await PatchAsync(upload, s_blob, "0-2999");

        using HttpResponseMessage put = await Registry.ExpectAsync(HttpStatusCode.Created, "PUT", $"{upload}?digest={Digest.Of(s_blob)}");
    }

    [Fact]
    public async Task Upload_OfAnUnknownAlgorithm_Is400()
    {
        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.BadRequest, "POST", $"/v2/{Repository}/blobs/uploads/?digest-algorithm=md5");

        Assert.Equal("DIGEST_INVALID", await response.ErrorAsync());
    }

    [Fact]
    public async Task Upload_ClosedWithNothingInIt_IsTheEmptyBlob()
    {
        string upload = await Registry.BeginUploadAsync(Repository);
        Digest empty = Digest.Of([]);

        using HttpResponseMessage put = await Registry.ExpectAsync(HttpStatusCode.Created, "PUT", $"{upload}?digest={empty}");

        using HttpResponseMessage get = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", $"/v2/{Repository}/blobs/{empty}");
        Assert.Equal("0", get.Header("Content-Length"));
    }

    [Fact]
    public async Task Close_Twice_Is404TheSecondTimeAndTheBlobStays()
    {
        string upload = await Registry.BeginUploadAsync(Repository);
        using HttpResponseMessage put = await Registry.ExpectAsync(
            HttpStatusCode.Created, "PUT", $"{upload}?digest={Digest.Of(s_blob)}", new ByteArrayContent(s_blob));

        using HttpResponseMessage again = await Registry.ExpectAsync(
            HttpStatusCode.NotFound, "PUT", $"{upload}?digest={Digest.Of(s_blob)}", new ByteArrayContent(s_blob));

        Assert.Equal(s_blob, await (await Registry.GetAsync($"/v2/{Repository}/blobs/{Digest.Of(s_blob)}")).BytesAsync());
    }

    private async Task<HttpResponseMessage> PatchAsync(
        string upload, byte[] chunk, string? range, HttpStatusCode status = HttpStatusCode.Accepted)
    {
        HttpResponseMessage response = await SendAsync("PATCH", upload, chunk, range);
        Assert.Equal(status, response.StatusCode);
        return response;
    }

    private Task<HttpResponseMessage> SendAsync(string method, string address, byte[] chunk, string? range)
    {
        var body = new ByteArrayContent(chunk);
        body.Headers.TryAddWithoutValidation("Content-Type", "application/octet-stream");
        if (range is not null)
        {
            body.Headers.TryAddWithoutValidation("Content-Range", range);
        }

        return Registry.SendAsync(method, address, body);
    }

    /// <summary>A body that comes with <c>Transfer-Encoding: chunked</c>.</summary>
    private sealed class UnannouncedContent(byte[] bytes) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context) => await stream.WriteAsync(bytes, Cancelled);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
