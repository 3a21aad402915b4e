using System.Net;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Upstream;
using Mica.Tests.Oci;
using Mica.Tests.Registry;

namespace Mica.Tests.RegistryServer.Upstream;

public sealed class UpstreamNameTests
{
    [Theory]
    [InlineData("docker.io", "alpine", "library/alpine")]
    [InlineData("docker.io", "library/alpine", "library/alpine")]
    [InlineData("docker.io", "grafana/loki", "grafana/loki")]
    [InlineData("ghcr.io", "owner/app", "owner/app")]
    [InlineData("http://127.0.0.1:5050", "alpine", "alpine")]
    public async Task Resolve_Name_IsTheFullNameThere(string registry, string name, string expected)
    {
        await using var upstream = new UpstreamRegistry(new UpstreamOptions { Registry = registry, Prefix = "x" }, new(), TimeProvider.System);

        Assert.Equal(expected, upstream.Resolve(name));
    }

    [Theory]
    [InlineData("docker.io", "https://registry-1.docker.io/")]
    [InlineData("registry.example:5000", "https://registry.example:5000/")]
    [InlineData("https://ghcr.io/", "https://ghcr.io/")]
    [InlineData("http://127.0.0.1:5050", "http://127.0.0.1:5050/")]
    [InlineData("http://registry.example", "http://registry.example/")]
    [InlineData("http://registry", "http://registry/")]
    public void Parse_Registry_IsItsAddress(string text, string expected) =>
        Assert.Equal(expected, RegistryAddress.Parse(text).Address.ToString());

    [Theory]
    [InlineData("")]
    [InlineData("http://")]
    [InlineData("docker.io/library")]
    [InlineData("user@docker.io")]
    [InlineData("docker.io:x")]
    [InlineData("ftp://docker.io")]
    public void Parse_NoRegistry_IsRefused(string text) =>
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<MicaException>(() => RegistryAddress.Parse(text)).Kind);

    [Theory]
    [InlineData("http://127.0.0.1:5050", null)]
    [InlineData("docker.io", "a/b")]
    [InlineData("docker.io", "UPPER")]
    public void Start_PrefixThatCannotBe_IsRefused(string registry, string? prefix) =>
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<MicaException>(
            () => new UpstreamRegistry(new UpstreamOptions { Registry = registry, Prefix = prefix }, new(), TimeProvider.System)).Kind);

    [Fact]
    public async Task Get_WithNamespace_IsTheSameRepositoryAsWithPrefix()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");
        string query = $"?ns={cache.Upstream.Host}";

        using HttpResponseMessage manifest = await cache.GetAsync($"library/sample/manifests/1{query}");
        byte[] blob = await cache.BytesAsync($"library/sample/blobs/{image.Config.Digest}{query}");
        string tags = await cache.Client.GetStringAsync($"/v2/library/sample/tags/list{query}", TestContext.Current.CancellationToken);
        await cache.BytesAsync("up/library/sample/manifests/1");

        Assert.Equal(cache.Upstream.Host, Assert.Single(manifest.Headers.GetValues("OCI-Namespace")));
        Assert.Equal(image[image.Config], blob);
        Assert.Equal("""{"name":"library/sample","tags":["1"]}""", tags);
        Assert.Single(cache.Upstream.Seen("GET", "/manifests/"));
    }

    [Fact]
    public async Task Get_UnknownNamespace_IsUnknown()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();

        using HttpResponseMessage response = await cache.GetAsync("library/sample/manifests/1?ns=quay.io");
        string body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("""{"errors":[{"code":"NAME_UNKNOWN","message":"ns=quay.io: this registry does not fetch from there"}]}""", body);
        Assert.False(response.Headers.Contains("OCI-Namespace"));
    }

    [Fact]
    public async Task Get_NamespaceOfThisRegistry_IsItsOwnRepository()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        byte[] content = SampleImage.Bytes(100, 1);
        await cache.PushAsync("app", Digest.Of(content), content);

        Assert.Equal(content, await cache.BytesAsync($"app/blobs/{Digest.Of(content)}?ns={cache.Server.Address.Authority}"));
    }

    [Fact]
    public async Task Get_RepositoryThatIsNotWanted_IsUnknownAndNotAsked()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync(upstream => upstream with { Repositories = ["library/*"] });
        cache.Upstream.Add("other/app", SampleImage.Create(), "1");

        using HttpResponseMessage response = await cache.GetAsync("up/other/app/manifests/1");

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Empty(cache.Upstream.Requests);
    }

    [Fact]
    public async Task Get_TwoUpstreams_AreKeptApart()
    {
        await using TestRegistry second = await TestRegistry.StartAsync();
        await using CacheFixture cache = await CacheFixture.StartAsync(options => options with
        {
            Upstreams = [.. options.Upstreams, new UpstreamOptions { Registry = $"http://{second.Host}", Prefix = "second" }],
        });
        SampleImage first = cache.Add("1");
        var other = SampleImage.Create(2);
        second.Add("library/sample", other, "1");

        Assert.Equal(first[first.Manifest], await cache.BytesAsync("up/library/sample/manifests/1"));
        Assert.Equal(other[other.Manifest], await cache.BytesAsync("second/library/sample/manifests/1"));
        Assert.Equal(other[other.Manifest], await cache.BytesAsync($"library/sample/manifests/1?ns={second.Host}"));
        string catalog = await cache.Client.GetStringAsync("/v2/_catalog", TestContext.Current.CancellationToken);
        Assert.Equal("""{"repositories":["second/library/sample","up/library/sample"]}""", catalog);
    }

    [Fact]
    public async Task Get_InvalidName_IsInvalid()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();

        using HttpResponseMessage response = await cache.GetAsync("up/UPPER/manifests/1");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }
}
