using System.Net;
using Mica.Oci;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>#error-codes: what is malformed is the client's mistake, never a failure of the server.</summary>
public sealed class ErrorCodesTests : ProtocolTests
{
    private const string Empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    public static TheoryData<string> BadNames =>
    [
        "UPPER",
        "team/UPPER",
        "-a",
        "a-",
        "a..b",
        "a/-b",
        "a//b",
        "a/",
        "a b",
        "%2e%2e",
        "a%2fb",
        "a%00b",
        "%c3%bc",
        "_a",
        "a:b",
        "a___b",
        new string('a', 256),
        "x/" + new string('y', 300),
    ];

    [Theory]
    [MemberData(nameof(BadNames))]
    public async Task Name_ThatTheSpecificationDoesNotAllow_Is4xxEverywhere(string name)
    {
        foreach ((string method, string path) in ((string, string)[])[
            ("GET", "manifests/latest"), ("PUT", "manifests/latest"), ("DELETE", "manifests/latest"), ("GET", "blobs/" + Empty), ("DELETE", "blobs/" + Empty),
            ("POST", "blobs/uploads/"), ("PATCH", "blobs/uploads/x"), ("GET", "tags/list"), ("GET", "referrers/" + Empty)])
        {
            int status = await RawRequest.StatusAsync(Registry.Server.Address, method, $"/v2/{name}/{path}");

            Assert.True(status is >= 400 and < 500, $"{method} /v2/{name}/{path}: {status}");
        }
    }

    [Theory]
    [InlineData("a")]
    [InlineData("0")]
    [InlineData("a/b/c/d/e/f")]
    [InlineData("a__b/c--d/e.f/g---h")]
    [InlineData("blobs/uploads")]
    [InlineData("manifests/tags/list")]
    [InlineData("x/referrers")]
    [InlineData("v2/blobs")]
    public async Task Name_ThatTheSpecificationAllows_IsTaken(string name)
    {
        TestManifest image = await Registry.PushImageAsync(name);

        Assert.Equal(image.Content, await (await Registry.GetAsync($"/v2/{name}/manifests/latest")).BytesAsync());
        using HttpResponseMessage tags = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", $"/v2/{name}/tags/list");
        Assert.Equal(name, (string)(await tags.JsonAsync())["name"]!);
    }

    [Fact]
    public async Task Name_Of255Characters_IsTakenAndOneMoreIsNot()
    {
        string longest = new('a', 255);

        await Registry.PushImageAsync(longest);

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.BadRequest, "GET", $"/v2/{longest}a/tags/list");
        Assert.Equal("NAME_INVALID", await response.ErrorAsync());
    }

    [Theory]
    [InlineData("/v2/../v2/team/app/manifests/none")]
    [InlineData("/v2/team/app/blobs/..")]
    [InlineData("/v2/team/app/blobs/../../../etc/passwd")]
    [InlineData("/v2/team/app/blobs/%2e%2e%2f%2e%2e%2fetc%2fpasswd")]
    [InlineData("/v2/team/app/blobs/sha256:..%2f..%2fmetadata.db")]
    [InlineData("/v2/team/app/blobs/uploads/..%2f..%2fmetadata.db")]
    [InlineData("/v2/team/app/manifests/..%2fx")]
    [InlineData("/v2/team/app/manifests/%00")]
    [InlineData("/v2/team/app/manifests/%ff%fe")]
    [InlineData("/v2//manifests/x")]
    [InlineData("/v2//")]
    [InlineData("//v2/")]
    [InlineData("/v2/team/app/manifests/")]
    [InlineData("/v2/team/app/blobs/")]
    [InlineData("/v2/team/app")]
    [InlineData("/v2/_catalog/x")]
    [InlineData("/v3/")]
    [InlineData("/V2/")]
    [InlineData("/metadata.db")]
    [InlineData("/v2/\\..\\x/manifests/y")]
    [InlineData("/v2/team/app/tags/list/")]
    public async Task Path_OfTricks_Is4xx(string path)
    {
        await Registry.PushImageAsync(Repository);

        int status = await RawRequest.StatusAsync(Registry.Server.Address, "GET", path);

        Assert.True(status is >= 400 and < 500, $"{path}: {status}");
    }

    [Theory]
    [InlineData("/v2/other/../team/app/manifests/latest", 200)]
    [InlineData("/v2/other/%2e%2e/team/app/manifests/latest", 200)]
    [InlineData("/v2/team/app/../../../../v2/team/app/manifests/latest", 200)]
    [InlineData("/v2/team/app/%2e%2e/other/manifests/latest", 404)]
    public async Task Path_WithDotSegments_IsThePathThatTheyLeadTo(string path, int status)
    {
        await Registry.PushImageAsync(Repository);

        Assert.Equal(status, await RawRequest.StatusAsync(Registry.Server.Address, "GET", path));
    }

    [Fact]
    public async Task Path_OfTwentyThousandCharacters_Is414()
    {
        Assert.Equal(414, await RawRequest.StatusAsync(Registry.Server.Address, "GET", $"/v2/{new string('a', 20_000)}/manifests/x"));
    }

    [Theory]
    [InlineData("manifests/.hidden", HttpStatusCode.NotFound, "MANIFEST_UNKNOWN")]
    [InlineData("manifests/-x", HttpStatusCode.NotFound, "MANIFEST_UNKNOWN")]
    [InlineData("manifests/sha256:abc", HttpStatusCode.BadRequest, "DIGEST_INVALID")]
    [InlineData("manifests/sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", HttpStatusCode.BadRequest, "DIGEST_INVALID")]
    [InlineData("manifests/md5:d41d8cd98f00b204e9800998ecf8427e", HttpStatusCode.BadRequest, "DIGEST_INVALID")]
    [InlineData("manifests/sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", HttpStatusCode.BadRequest, "DIGEST_INVALID")]
    [InlineData("blobs/latest", HttpStatusCode.BadRequest, "DIGEST_INVALID")]
    [InlineData("blobs/sha256:", HttpStatusCode.BadRequest, "DIGEST_INVALID")]
    [InlineData("blobs/:abc", HttpStatusCode.BadRequest, "DIGEST_INVALID")]
    [InlineData("blobs/sha256:zzz0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", HttpStatusCode.BadRequest, "DIGEST_INVALID")]
    [InlineData("blobs/uploads/unknown", HttpStatusCode.NotFound, "BLOB_UPLOAD_UNKNOWN")]
    public async Task Reference_Malformed_HasItsCode(string path, HttpStatusCode status, string code)
    {
        await Registry.PushImageAsync(Repository);

        using HttpResponseMessage response = await Registry.ExpectAsync(status, "GET", $"/v2/{Repository}/{path}");

        Assert.Equal(code, await response.ErrorAsync());
    }

    [Fact]
    public async Task Tag_Of128Characters_IsTakenAndOneMoreIsNot()
    {
        TestManifest image = await Registry.PushImageAsync(Repository, new string('t', 128));

        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.BadRequest, "PUT", $"/v2/{Repository}/manifests/{new string('t', 129)}", image.Body());

        Assert.Equal("MANIFEST_INVALID", await response.ErrorAsync());
    }

    [Fact]
    public async Task Error_OfAHead_HasNoBody()
    {
        string answer = await RawRequest.SendAsync(
            Registry.Server.Address, $"HEAD /v2/{Repository}/blobs/{Empty} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 404", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v2/", "DELETE", "GET, HEAD")]
    [InlineData("/v2/_catalog", "POST", "GET, HEAD")]
    [InlineData("/v2/team/app/tags/list", "PUT", "GET, HEAD")]
    [InlineData("/v2/team/app/referrers/" + Empty, "DELETE", "GET, HEAD")]
    [InlineData("/v2/team/app/manifests/latest", "POST", "GET, HEAD, PUT, DELETE")]
    [InlineData("/v2/team/app/manifests/latest", "PATCH", "GET, HEAD, PUT, DELETE")]
    [InlineData("/v2/team/app/blobs/" + Empty, "PUT", "GET, HEAD, DELETE")]
    [InlineData("/v2/team/app/blobs/uploads/", "GET", "POST")]
    [InlineData("/v2/team/app/blobs/uploads/x", "POST", "GET, HEAD, PATCH, PUT, DELETE")]
    [InlineData("/v2/team/app/blobs/uploads/x", "BREW", "GET, HEAD, PATCH, PUT, DELETE")]
    public async Task Method_ThatIsNotServed_Is405WithThoseThatAre(string path, string method, string allowed)
    {
        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.MethodNotAllowed, method, path);

        Assert.Equal(allowed, response.Header("Allow"));
        Assert.Equal("UNSUPPORTED", await response.ErrorAsync());
    }

    [Fact]
    public async Task Message_WithWhatTheClientSent_IsOneLineOfText()
    {
        using HttpResponseMessage response = await Registry.ExpectAsync(
            HttpStatusCode.BadRequest, "GET", $"/v2/{Repository}/blobs/%1b%5b31m%0d%0aX-Evil:%20yes");

        string message = (string)(await response.JsonAsync())["errors"]![0]!["message"]!;
        Assert.DoesNotContain(message, char.IsControl);
        Assert.Null(response.Header("X-Evil"));
    }

    [Theory]
    [InlineData("PUT /v2/team/app/manifests/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("PUT /v2/team/app/manifests/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: -1\r\n\r\n")]
    [InlineData("PUT /v2/team/app/manifests/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999999999999999999\r\n\r\n")]
    [InlineData("POST /v2/team/app/blobs/uploads/?digest=" + Empty + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n")]
    [InlineData("GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n")]
    public async Task Request_ThatIsNoHttp_Is400(string text)
    {
        string answer = await RawRequest.SendAsync(Registry.Server.Address, text);

        Assert.True(answer.StartsWith("HTTP/1.1 400", StringComparison.Ordinal), answer + string.Join('\n', Registry.Log.Lines));
    }

    [Fact]
    public async Task Error_OfADamagedRequest_LeavesTheServerWhole()
    {
        string answer = await RawRequest.SendAsync(Registry.Server.Address, "\0\0\0\0\r\n\r\n");

        Assert.DoesNotContain("200", answer, StringComparison.Ordinal);
        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", "/v2/");
        Assert.Equal(Digest.Parse(Empty), await Registry.PushBlobAsync(Repository, []));
    }
}
