using System.Net;
using System.Net.Http.Headers;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Metadata;
using Mica.Tests.Oci;
using Mica.Tests.Registry;

namespace Mica.Tests.RegistryServer.Upstream;

public sealed class UpstreamManifestTests
{
    private const string Manifest = "up/library/sample/manifests/";
    private const string There = "/library/sample/manifests/";

    [Fact]
    public async Task Get_TagTwice_AsksOnceAndServesTheExactBytes()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");

        using HttpResponseMessage first = await cache.GetAsync(Manifest + "1");
        byte[] second = await cache.BytesAsync(Manifest + "1");

        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal(image.Manifest.MediaType, first.Content.Headers.ContentType?.MediaType);
        Assert.Equal(image.Manifest.Digest.ToString(), Assert.Single(first.Headers.GetValues("Docker-Content-Digest")));
        Assert.Equal(image[image.Manifest], second);
        Assert.Single(cache.Upstream.Requests);
    }

    [Fact]
    public async Task Get_Digest_AsksOnceForAll()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");

        await cache.BytesAsync(Manifest + image.Manifest.Digest);
        cache.Time.Advance(TimeSpan.FromDays(20));
        byte[] again = await cache.BytesAsync(Manifest + image.Manifest.Digest);

        Assert.Equal(image[image.Manifest], again);
        Assert.Single(cache.Upstream.Requests);
    }

    [Fact]
    public async Task Head_UnknownTag_IsWhatUpstreamSays()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");

        using HttpResponseMessage known = await cache.HeadAsync(Manifest + "1");
        using HttpResponseMessage unknown = await cache.HeadAsync(Manifest + "2");

        Assert.Equal(image.Manifest.Size, known.Content.Headers.ContentLength);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    [Fact]
    public async Task Get_TwentyAtOnce_AskOnce()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");
        var all = new TaskCompletionSource();
        cache.Upstream.Intercept("GET", There, 1, async (_, answer) =>
        {
            await all.Task;
            await answer();
        });

        Task<byte[]>[] gets = [.. Enumerable.Range(0, 20).Select(_ => cache.BytesAsync(Manifest + "1"))];
        await Task.Delay(300, TestContext.Current.CancellationToken);
        all.SetResult();

        Assert.All(await Task.WhenAll(gets), bytes => Assert.Equal(image[image.Manifest], bytes));
        Assert.Single(cache.Upstream.Requests);
    }

    [Fact]
    public async Task Get_OldTagThatDidNotMove_CostsOneHead()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        cache.Add("1");
        await cache.BytesAsync(Manifest + "1");
        cache.Time.Advance(TimeSpan.FromMinutes(6));

        await cache.BytesAsync(Manifest + "1");
        await cache.BytesAsync(Manifest + "1");

        Assert.Single(cache.Upstream.Seen("GET"));
        Assert.Single(cache.Upstream.Seen("HEAD"));
    }

    [Fact]
    public async Task Get_OldTagThatMoved_IsTheNewImage()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage old = cache.Add("1");
        await cache.BytesAsync(Manifest + "1");
        SampleImage moved = cache.Add("1", seed: 2);

        byte[] believed = await cache.BytesAsync(Manifest + "1");
        cache.Time.Advance(TimeSpan.FromMinutes(6));
        byte[] fresh = await cache.BytesAsync(Manifest + "1");

        Assert.Equal(old[old.Manifest], believed);
        Assert.Equal(moved[moved.Manifest], fresh);
        TagMove move = (await cache.JournalAsync("up/library/sample", "1"))[0];
        Assert.Equal(("upstream", old.Manifest.Digest, moved.Manifest.Digest), (move.Who, move.Was!.Value, move.Became!.Value));
    }

    [Fact]
    public async Task Get_TagBackToWhatIsHere_FetchesNothing()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage first = cache.Add("1");
        SampleImage second = cache.Add("2", seed: 2);
        await cache.BytesAsync(Manifest + "1");
        await cache.BytesAsync(Manifest + "2");
        cache.Upstream.Repository("library/sample").Tags["2"] = first.Manifest.Digest;
        cache.Time.Advance(TimeSpan.FromMinutes(6));

        byte[] bytes = await cache.BytesAsync(Manifest + "2");

        Assert.Equal(first[first.Manifest], bytes);
        Assert.NotEqual(first.Manifest.Digest, second.Manifest.Digest);
        Assert.Equal(2, cache.Upstream.Seen("GET").Length);
    }

    [Fact]
    public async Task Get_LifetimesByPattern_AreEachTagsOwn()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync(upstream => upstream with
        {
            TagLifetimes = [new TagLifetime("library/*:1.*", TimeSpan.FromDays(1)), new TagLifetime("**:latest", TimeSpan.Zero)],
        });
        cache.Add("1.0");
        cache.Add("latest");
        cache.Add("edge");
        foreach (string tag in (string[])["1.0", "latest", "edge"])
        {
            await cache.BytesAsync(Manifest + tag);
        }

        await cache.BytesAsync(Manifest + "latest");
        await cache.BytesAsync(Manifest + "edge");
        cache.Time.Advance(TimeSpan.FromHours(1));
        await cache.BytesAsync(Manifest + "edge");
        await cache.BytesAsync(Manifest + "1.0");

        Assert.Equal([There + "latest", There + "edge"], cache.Upstream.Seen("HEAD").Select(request => request.Path["/v2".Length..]));
    }

    [Fact]
    public async Task Get_ImmutableTag_IsNeverLookedAtAgain()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync(options => options with { ImmutableTags = ["up/**:1"] });
        SampleImage image = cache.Add("1");
        await cache.BytesAsync(Manifest + "1");
        cache.Add("1", seed: 2);
        cache.Time.Advance(TimeSpan.FromDays(1));

        Assert.Equal(image[image.Manifest], await cache.BytesAsync(Manifest + "1"));
        Assert.Single(cache.Upstream.Requests);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(429)]
    public async Task Get_UpstreamFails_ServesWhatIsHereWithAWarning(int status)
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");
        await cache.BytesAsync(Manifest + "1");
        cache.Time.Advance(TimeSpan.FromMinutes(6));
        cache.Upstream.Answer("HEAD", There, 100, status);
        cache.Upstream.Answer("GET", There, 100, status);

        using HttpResponseMessage stale = await cache.GetAsync(Manifest + "1");

        Assert.Equal(image[image.Manifest], await stale.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith("299 - \"this may be old: ", Assert.Single(stale.Headers.GetValues("Warning")), StringComparison.Ordinal);
        Assert.Equal(1, cache.Metrics.UpstreamStale.Value);
    }

    [Fact]
    public async Task Get_UpstreamGone_RestsAndThenRecovers()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        cache.Add("1");
        await cache.BytesAsync(Manifest + "1");
        cache.Time.Advance(TimeSpan.FromMinutes(6));
        cache.Upstream.Intercept("HEAD", There, 100, static (context, _) =>
        {
            context.Abort();
            return Task.CompletedTask;
        });

        using HttpResponseMessage first = await cache.GetAsync(Manifest + "1");
        int asked = cache.Upstream.Requests.Count;
        using HttpResponseMessage second = await cache.GetAsync(Manifest + "1");
        int then = cache.Upstream.Requests.Count;
        cache.Time.Advance(TimeSpan.FromSeconds(11));
        using HttpResponseMessage third = await cache.GetAsync(Manifest + "1");

        Assert.All((HttpResponseMessage[])[first, second, third], response => Assert.True(response.Headers.Contains("Warning")));
        Assert.Equal(asked, then);
        Assert.True(cache.Upstream.Requests.Count > then);
    }

    [Fact]
    public async Task Get_UpstreamFailsAndNothingIsHere_SaysWhatFailed()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        cache.Upstream.Answer("GET", "/broken/", 100, 503);
        cache.Upstream.Answer("GET", "/busy/", 100, 429);
        cache.Upstream.Answer("GET", "/secret/", 100, 401);

        using HttpResponseMessage broken = await cache.GetAsync("up/broken/manifests/1");
        using HttpResponseMessage busy = await cache.GetAsync("up/busy/manifests/1");
        using HttpResponseMessage secret = await cache.GetAsync("up/secret/manifests/1");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, broken.StatusCode);
        Assert.NotNull(broken.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.TooManyRequests, busy.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, secret.StatusCode);
        Assert.False(secret.Headers.Contains("WWW-Authenticate"));
    }

    [Fact]
    public async Task Get_TagGoneOverThere_IsDroppedAndJournaled()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");
        await cache.BytesAsync(Manifest + "1");
        cache.Upstream.Repository("library/sample").Tags.Clear();
        cache.Time.Advance(TimeSpan.FromMinutes(6));

        using HttpResponseMessage gone = await cache.GetAsync(Manifest + "1");

        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
        TagMove move = (await cache.JournalAsync("up/library/sample", "1"))[0];
        Assert.Equal("upstream", move.Who);
        Assert.Null(move.Became);
        Assert.Equal(image.Manifest.Digest, move.Was);
    }

    [Fact]
    public async Task Get_Offline_NeverAsks()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");
        cache.Add("2", seed: 2);
        await cache.BytesAsync(Manifest + "1");
        int before = cache.Upstream.Requests.Count;
        await cache.RestartAsync(options => options with { Upstreams = [options.Upstreams[0] with { IsOffline = true }] });
        cache.Time.Advance(TimeSpan.FromDays(3));

        byte[] known = await cache.BytesAsync(Manifest + "1");
        using HttpResponseMessage unknown = await cache.GetAsync(Manifest + "2");
        using HttpResponseMessage blob = await cache.GetAsync($"up/library/sample/blobs/{image.Config.Digest}");
        string tags = await cache.Client.GetStringAsync("/v2/up/library/sample/tags/list", TestContext.Current.CancellationToken);

        Assert.Equal(image[image.Manifest], known);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, blob.StatusCode);
        Assert.Contains("\"tags\":[\"1\"]", tags, StringComparison.Ordinal);
        Assert.Equal(before, cache.Upstream.Requests.Count);
    }

    [Fact]
    public async Task Get_IndexAndOneChild_LeavesTheOtherChild()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        var wanted = SampleImage.Create(1);
        var other = SampleImage.Create(2);
        Descriptor index = cache.AddIndex("multi", wanted, other);

        await cache.BytesAsync(Manifest + "multi");
        byte[] child = await cache.BytesAsync(Manifest + wanted.Manifest.Digest);

        Assert.Equal(wanted[wanted.Manifest], child);
        Assert.Equal([There + "multi", There + wanted.Manifest.Digest], cache.Upstream.Requests.Select(request => request.Path["/v2".Length..]));
        Assert.Equal(MediaTypes.OciIndex, index.MediaType);
    }

    [Fact]
    public async Task Get_UpstreamLiesAboutADigest_IsNotStored()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");
        cache.Upstream.Repository("library/sample").Manifests[image.Manifest.Digest] =
            (image.Manifest.MediaType, SampleImage.Create(2)[SampleImage.Create(2).Manifest]);

        using HttpResponseMessage first = await cache.GetAsync(Manifest + image.Manifest.Digest);
        using HttpResponseMessage again = await cache.GetAsync(Manifest + image.Manifest.Digest);

        Assert.Equal(HttpStatusCode.BadGateway, first.StatusCode);
        Assert.Equal(HttpStatusCode.BadGateway, again.StatusCode);
    }

    [Fact]
    public async Task Get_UpstreamWithUsers_TakesThePasswordFromItsFile()
    {
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "s3cret\n", TestContext.Current.CancellationToken);
            await using CacheFixture cache = await CacheFixture.StartAsync(upstream => upstream with { User = "alice", PasswordFile = file });
            cache.Upstream.Auth = new TestAuth { Allows = (user, _, _) => user == "alice" };
            SampleImage image = cache.Add("1");

            Assert.Equal(image[image.Manifest], await cache.BytesAsync(Manifest + "1"));
            Assert.Equal(image[image.Config], await cache.BytesAsync($"up/library/sample/blobs/{image.Config.Digest}"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Put_ToACopy_IsDenied()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");
        using var body = new ByteArrayContent(image[image.Manifest]);
        body.Headers.ContentType = new MediaTypeHeaderValue(image.Manifest.MediaType);

        using HttpResponseMessage put = await cache.Client.PutAsync("/v2/" + Manifest + "1", body, TestContext.Current.CancellationToken);
        using HttpResponseMessage post = await cache.SendAsync(HttpMethod.Post, "up/library/sample/blobs/uploads/");

        Assert.Equal(HttpStatusCode.Forbidden, put.StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, post.StatusCode);
        Assert.Contains("DENIED", await post.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }
}
