using System.Net;
using Mica.Oci;
using Mica.Tests.Oci;

namespace Mica.Tests.RegistryServer.Upstream;

public sealed class UpstreamListTests
{
    private const string Tags = "up/library/sample/tags/list";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tags_PageByPage_AskOnce()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        foreach (string tag in (string[])["b", "a", "c"])
        {
            cache.Add(tag);
        }

        using HttpResponseMessage first = await cache.GetAsync(Tags + "?n=2");
        string link = Assert.Single(first.Headers.GetValues("Link"));
        string next = await cache.Client.GetStringAsync(link[1..link.IndexOf('>', StringComparison.Ordinal)], Token);

        Assert.Equal("""{"name":"up/library/sample","tags":["a","b"]}""", await first.Content.ReadAsStringAsync(Token));
        Assert.Equal("""{"name":"up/library/sample","tags":["c"]}""", next);
        Assert.Single(cache.Upstream.Requests);
    }

    [Fact]
    public async Task Tags_UpstreamFails_AreThoseThatAreHere()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        cache.Add("here");
        cache.Add("there");
        await cache.BytesAsync("up/library/sample/manifests/here");
        cache.Upstream.Answer("GET", "/tags/list", 100, 502);

        using HttpResponseMessage stale = await cache.GetAsync(Tags);
        using HttpResponseMessage nothing = await cache.GetAsync("up/other/tags/list");

        Assert.Equal("""{"name":"up/library/sample","tags":["here"]}""", await stale.Content.ReadAsStringAsync(Token));
        Assert.True(stale.Headers.Contains("Warning"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, nothing.StatusCode);
    }

    [Fact]
    public async Task Tags_UnknownRepository_IsUnknown()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();

        using HttpResponseMessage response = await cache.GetAsync("up/nothing/tags/list");

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Contains("NAME_UNKNOWN", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Referrers_OfACopy_AreThoseOverThere()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");
        Descriptor signature = cache.AddReferrer(image.Manifest, "application/signature");
        Descriptor sbom = cache.AddReferrer(image.Manifest, "application/sbom");

        using HttpResponseMessage all = await cache.GetAsync($"up/library/sample/referrers/{image.Manifest.Digest}");
        using HttpResponseMessage some = await cache.GetAsync(
            $"up/library/sample/referrers/{image.Manifest.Digest}?artifactType=application/sbom");

        var index = ImageIndex.Parse(await all.Content.ReadAsByteArrayAsync(Token), MediaTypes.OciIndex);
        Assert.Equal([.. new[] { signature.Digest, sbom.Digest }.OrderBy(digest => digest.ToString(), StringComparer.Ordinal)],
            index.Manifests.Select(entry => entry.Digest));
        var filtered = ImageIndex.Parse(await some.Content.ReadAsByteArrayAsync(Token), MediaTypes.OciIndex);
        Assert.Equal(sbom.Digest, Assert.Single(filtered.Manifests).Digest);
        Assert.Equal("artifactType", Assert.Single(some.Headers.GetValues("OCI-Filters-Applied")));
    }

    [Fact]
    public async Task Referrers_UpstreamFails_AreThoseThatAreHereIfTheirSubjectIs()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");
        Descriptor signature = cache.AddReferrer(image.Manifest, "application/signature");
        await cache.BytesAsync("up/library/sample/manifests/1");
        await cache.BytesAsync($"up/library/sample/manifests/{signature.Digest}");
        cache.Upstream.Answer("GET", "/referrers/", 100, 503);

        using HttpResponseMessage stale = await cache.GetAsync($"up/library/sample/referrers/{image.Manifest.Digest}");
        using HttpResponseMessage unknown = await cache.GetAsync($"up/library/sample/referrers/{Digest.Of("x"u8)}");

        var index = ImageIndex.Parse(await stale.Content.ReadAsByteArrayAsync(Token), MediaTypes.OciIndex);
        Assert.Equal(signature.Digest, Assert.Single(index.Manifests).Digest);
        Assert.True(stale.Headers.Contains("Warning"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, unknown.StatusCode);
    }
}
