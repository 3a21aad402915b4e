using System.Net;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>Docker's <c>/v2/_catalog</c>, which the specification leaves as it was.</summary>
public sealed class CatalogTests : ProtocolTests
{
    private static readonly string[] s_inOrder = ["a", "a-b", "a/b", "ab", "b/c/d"];

    [Fact]
    public async Task Catalog_WithoutRepositories_IsEmpty()
    {
        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", "/v2/_catalog");

        Assert.Empty((await response.JsonAsync())["repositories"]!.AsArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(1000)]
    public async Task Catalog_ByPages_IsEveryRepositoryOnceInTheOrderOfBytes(int n)
    {
        await PushAsync();
        var names = new List<string>();
        string? next = $"/v2/_catalog?n={n}";
        while (next is not null)
        {
            using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", next);
            string[] page = [.. (await response.JsonAsync())["repositories"]!.AsArray().Select(name => (string)name!)];
            Assert.InRange(page.Length, 1, n);
            names.AddRange(page);
            next = response.Header("Link")?.Split('<', '>')[1];
        }

        Assert.Equal(s_inOrder, names);
    }

    [Theory]
    [InlineData("n=0", "")]
    [InlineData("last=a-b", "a/b,ab,b/c/d")]
    [InlineData("n=1&last=a-b", "a/b")]
    [InlineData("last=z", "")]
    public async Task Catalog_BehindLast_IsWhatIsGreater(string query, string expected)
    {
        await PushAsync();

        using HttpResponseMessage response = await Registry.ExpectAsync(HttpStatusCode.OK, "GET", $"/v2/_catalog?{query}");

        Assert.Equal(expected, string.Join(',', (await response.JsonAsync())["repositories"]!.AsArray().Select(name => (string)name!)));
    }

    [Fact]
    public async Task Catalog_RepositoryWithUnfinishedContentOnly_IsNotListed()
    {
        await Registry.PushBlobAsync("half", RegistryContent.Bytes(10));
        await Registry.BeginUploadAsync("begun");

        using HttpResponseMessage response = await Registry.GetAsync("/v2/_catalog");

        Assert.Empty((await response.JsonAsync())["repositories"]!.AsArray());
    }

    private async Task PushAsync()
    {
        foreach (string name in s_inOrder.Reverse())
        {
            await Registry.PushImageAsync(name, layerSize: 10);
        }
    }
}
