using System.Net;
using System.Text.Json.Nodes;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>#listing-tags.</summary>
public sealed class ListingTagsTests : ProtocolTests
{
    private static readonly string[] s_inOrder = ["0", "1.10", "1.2", "B", "_x", "a", "a-b", "a.b", "ab", "b"];

    [Fact]
    public async Task Tags_AreListedInTheOrderOfTheirBytes()
    {
        await PushTagsAsync();

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", $"/v2/{Repository}/tags/list");

        JsonNode list = await response.JsonAsync();
        Assert.Equal("application/json", response.Header("Content-Type"));
        Assert.Equal(Repository, (string)list["name"]!);
        Assert.Equal(s_inOrder, list["tags"]!.AsArray().Select(tag => (string)tag!));
        Assert.Null(response.Header("Link"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(10)]
    [InlineData(100)]
    public async Task Tags_ByPages_AreAllOfThemOnce(int n)
    {
        await PushTagsAsync();
        var tags = new List<string>();
        string? next = $"/v2/{Repository}/tags/list?n={n}";
        while (next is not null)
        {
            using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", next);
            string[] page = [.. (await response.JsonAsync())["tags"]!.AsArray().Select(tag => (string)tag!)];
            Assert.InRange(page.Length, 1, n);
            tags.AddRange(page);
            string? link = response.Header("Link");
            Assert.True(link is null || link.EndsWith(">; rel=\"next\"", StringComparison.Ordinal), link);
            next = link?.Split('<', '>')[1];
        }

        Assert.Equal(s_inOrder, tags);
    }

    [Theory]
    [InlineData("last=a", "a-b,a.b,ab,b")]
    [InlineData("last=a0", "ab,b")]
    [InlineData("n=2&last=1.2", "B,_x")]
    [InlineData("last=b", "")]
    [InlineData("last=", "0,1.10,1.2,B,_x,a,a-b,a.b,ab,b")]
    [InlineData("n=0", "")]
    [InlineData("n=0&last=a", "")]
    public async Task Tags_BehindLast_AreThoseGreaterThanIt(string query, string expected)
    {
        await PushTagsAsync();

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", $"/v2/{Repository}/tags/list?{query}");

        Assert.Equal(expected, string.Join(',', (await response.JsonAsync())["tags"]!.AsArray().Select(tag => (string)tag!)));
        Assert.Equal(query == "n=2&last=1.2", response.Header("Link") is not null);
    }

    [Theory]
    [InlineData("n=-1")]
    [InlineData("n=x")]
    [InlineData("n=1.5")]
    [InlineData("n=99999999999999999999999")]
    public async Task Tags_MalformedCount_Is400(string query)
    {
        await Registry.PushImageAsync(Repository);

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.BadRequest, "GET", $"/v2/{Repository}/tags/list?{query}");

        await response.ErrorAsync();
    }

    [Fact]
    public async Task Tags_OfAnUnknownRepository_Is404()
    {
        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.NotFound, "GET", $"/v2/{Repository}/tags/list");

        Assert.Equal("NAME_UNKNOWN", await response.ErrorAsync());
    }

    [Fact]
    public async Task Tags_OfARepositoryWithoutAny_IsAnEmptyList()
    {
        await Registry.PushImageAsync(Repository, reference: null);

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", $"/v2/{Repository}/tags/list");

        Assert.Empty((await response.JsonAsync())["tags"]!.AsArray());
    }

    private async Task PushTagsAsync()
    {
        TestManifest image = await Registry.PushImageAsync(Repository, reference: null);
        foreach (string tag in s_inOrder.Reverse())
        {
            await Registry.PushManifestAsync(Repository, image, tag);
        }
    }
}
