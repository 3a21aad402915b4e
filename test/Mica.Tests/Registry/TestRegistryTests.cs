using System.Net;
using Mica.Oci;
using Mica.Tests.Oci;

namespace Mica.Tests.Registry;

/// <summary>The test registry itself, asked by a plain HTTP client: what the other tests lean on.</summary>
public sealed class TestRegistryTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Blob_RangeAsked_IsThatPart()
    {
        await using TestRegistry registry = await TestRegistry.StartAsync();
        SampleImage image = SampleImage.Create();
        registry.Add("library/sample", image, "1.0");
        using var client = new HttpClient { BaseAddress = registry.Address };

        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v2/library/sample/blobs/{image.Layers[0].Digest}");
        request.Headers.Range = new(10, 19);
        using HttpResponseMessage response = await client.SendAsync(request, Cancellation);

        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal(image[image.Layers[0]][10..20], await response.Content.ReadAsByteArrayAsync(Cancellation));
    }

    [Fact]
    public async Task Upload_Chunked_IsKept()
    {
        await using TestRegistry registry = await TestRegistry.StartAsync();
        byte[] content = SampleImage.Bytes(1000, 3);
        using var client = new HttpClient { BaseAddress = registry.Address };

        using HttpResponseMessage opened = await client.PostAsync("/v2/a/b/blobs/uploads/", null, Cancellation);
        using HttpResponseMessage sent = await client.PatchAsync(opened.Headers.Location, new ByteArrayContent(content), Cancellation);
        using HttpResponseMessage closed = await client.PutAsync(sent.Headers.Location + $"&digest={Digest.Of(content)}", null, Cancellation);

        Assert.Equal(HttpStatusCode.Created, closed.StatusCode);
        Assert.Equal(content, registry.Repository("a/b").Blobs[Digest.Of(content)]);
    }

    [Fact]
    public async Task Manifest_WithoutToken_IsChallengedAndThenServed()
    {
        await using TestRegistry registry = await TestRegistry.StartAsync();
        registry.Auth = new TestAuth();
        registry.Add("sample", SampleImage.Create(), "1.0");
        using var client = new HttpClient { BaseAddress = registry.Address };

        using HttpResponseMessage refused = await client.GetAsync("/v2/sample/manifests/1.0", Cancellation);
        string token = await client.GetStringAsync("/token?service=test&scope=repository:sample:pull", Cancellation);
        client.DefaultRequestHeaders.Authorization = new("Bearer", token.Split('"')[3]);
        using HttpResponseMessage served = await client.GetAsync("/v2/sample/manifests/1.0", Cancellation);

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Contains("scope=\"repository:sample:pull\"", refused.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, served.StatusCode);
    }

    [Fact]
    public async Task Https_TrustedAuthority_IsServed()
    {
        await using TestRegistry registry = await TestRegistry.StartAsync(TestCertificates.CreateServer(TestCertificates.Authority));
        using var handler = new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = (_, certificate, _, _) =>
                TestCertificates.IsSignedBy(certificate!, TestCertificates.Authority),
        };
        using var client = new HttpClient(handler) { BaseAddress = registry.Address };

        Assert.Equal("{}", await client.GetStringAsync("/v2/", Cancellation));
    }
}
