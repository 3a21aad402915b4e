using System.Net;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Upstream;
using Mica.Tests.Oci;

namespace Mica.Tests.RegistryServer.Upstream;

public sealed class SyncTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_Index_BringsAllPlatformsAndReferrers()
    {
        await using CacheFixture cache = await StartAsync();
        var first = SampleImage.Create(1);
        var second = SampleImage.Create(2);
        Descriptor index = cache.AddIndex("1.0", first, second);
        Descriptor signature = cache.AddReferrer(index, "application/signature");
        Descriptor sbom = cache.AddReferrer(second.Manifest, "application/sbom");
        Descriptor counter = cache.AddReferrer(signature, "application/countersignature");

        SyncReport report = await cache.Server.SynchronizeAsync(Token);
        await cache.Upstream.DisposeAsync();

        Assert.Equal(new SyncReport { Copied = 1 }, report);
        foreach (Descriptor document in (Descriptor[])[index, first.Manifest, second.Manifest, signature, sbom, counter])
        {
            Assert.Equal(document.Digest, Digest.Of(await cache.BytesAsync($"copy/library/sample/manifests/{document.Digest}")));
        }

        foreach (Descriptor blob in first.Layers.Concat(second.Layers).Append(first.Config))
        {
            Assert.Equal(blob.Digest, Digest.Of(await cache.BytesAsync($"copy/library/sample/blobs/{blob.Digest}")));
        }

        Assert.Equal(index.Digest, Digest.Of(await cache.BytesAsync("copy/library/sample/manifests/1.0")));
        Assert.Equal("sync", Assert.Single(await cache.JournalAsync("copy/library/sample", "1.0")).Who);
    }

    [Fact]
    public async Task Run_NothingMoved_CostsOneHeadForEachTag()
    {
        await using CacheFixture cache = await StartAsync();
        cache.Add("1.0");
        cache.Add("1.1", seed: 2);
        await cache.Server.SynchronizeAsync(Token);
        int before = cache.Upstream.Requests.Count;

        SyncReport report = await cache.Server.SynchronizeAsync(Token);

        Assert.Equal(new SyncReport { Unchanged = 2 }, report);
        Assert.Equal(["GET", "HEAD", "HEAD"], cache.Upstream.Requests.Skip(before).Select(request => request.Method));
    }

    [Fact]
    public async Task Run_TagMoved_Follows()
    {
        await using CacheFixture cache = await StartAsync();
        cache.Add("1.0");
        await cache.Server.SynchronizeAsync(Token);
        SampleImage moved = cache.Add("1.0", seed: 2);

        SyncReport report = await cache.Server.SynchronizeAsync(Token);

        Assert.Equal(new SyncReport { Copied = 1 }, report);
        Assert.Equal(moved[moved.Manifest], await cache.BytesAsync("copy/library/sample/manifests/1.0"));
        Assert.Equal(2, (await cache.JournalAsync("copy/library/sample", "1.0")).Count);
    }

    [Fact]
    public async Task Run_NewSignatureOfAnOldTag_IsFoundTheNextDay()
    {
        await using CacheFixture cache = await StartAsync();
        SampleImage image = cache.Add("1.0");
        await cache.Server.SynchronizeAsync(Token);
        Descriptor signature = cache.AddReferrer(image.Manifest, "application/signature");

        await cache.Server.SynchronizeAsync(Token);
        using HttpResponseMessage today = await cache.HeadAsync($"copy/library/sample/manifests/{signature.Digest}");
        cache.Time.Advance(TimeSpan.FromHours(25));
        await cache.Server.SynchronizeAsync(Token);
        using HttpResponseMessage tomorrow = await cache.HeadAsync($"copy/library/sample/manifests/{signature.Digest}");

        Assert.Equal(HttpStatusCode.NotFound, today.StatusCode);
        Assert.Equal(HttpStatusCode.OK, tomorrow.StatusCode);
    }

    [Fact]
    public async Task Run_TagsThatFitNoPattern_AreLeft()
    {
        await using CacheFixture cache = await StartAsync();
        cache.Add("1.0");
        cache.Add("edge");

        await cache.Server.SynchronizeAsync(Token);

        Assert.Equal(
            """{"name":"copy/library/sample","tags":["1.0"]}""",
            await cache.Client.GetStringAsync("/v2/copy/library/sample/tags/list", Token));
    }

    [Fact]
    public async Task Run_OneTagIsBroken_CopiesTheOthersAndTriesAgain()
    {
        await using CacheFixture cache = await StartAsync();
        SampleImage broken = cache.Add("1.0");
        cache.Add("1.1", seed: 2);
        byte[] layer = broken[broken.Layers[0]];
        cache.Upstream.Repository("library/sample").Blobs[broken.Layers[0].Digest] = SampleImage.Bytes(layer.Length, 99);

        SyncReport first = await cache.Server.SynchronizeAsync(Token);
        using HttpResponseMessage meanwhile = await cache.HeadAsync("copy/library/sample/manifests/1.0");
        cache.Upstream.Repository("library/sample").Blobs[broken.Layers[0].Digest] = layer;
        SyncReport second = await cache.Server.SynchronizeAsync(Token);

        Assert.Equal(new SyncReport { Copied = 1, Failed = 1 }, first);
        Assert.Equal(HttpStatusCode.NotFound, meanwhile.StatusCode);
        Assert.Equal(new SyncReport { Copied = 1, Unchanged = 1 }, second);
    }

    [Fact]
    public async Task Run_LayersThatAreHere_AreNotTransferred()
    {
        await using CacheFixture cache = await StartAsync();
        SampleImage image = cache.Add("1.0");
        await cache.PushAsync("app", image.Layers[1].Digest, image[image.Layers[1]]);

        await cache.Server.SynchronizeAsync(Token);

        Assert.Empty(cache.Upstream.Seen("GET", $"/blobs/{image.Layers[1].Digest}"));
        Assert.Equal(image[image.Layers[1]], await cache.BytesAsync($"copy/library/sample/blobs/{image.Layers[1].Digest}"));
    }

    [Fact]
    public async Task Run_RepositoryOfACache_IsMadeWhole()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync(options => options with { Sync = [Entry(options, "up")] });
        SampleImage image = cache.Add("1.0");
        await cache.BytesAsync("up/library/sample/manifests/1.0");

        SyncReport report = await cache.Server.SynchronizeAsync(Token);
        await cache.Upstream.DisposeAsync();

        Assert.Equal(new SyncReport { Copied = 1 }, report);
        Assert.Equal(image[image.Layers[0]], await cache.BytesAsync($"up/library/sample/blobs/{image.Layers[0].Digest}"));
    }

    [Fact]
    public async Task Start_WithSync_RunsByItself()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync(
            options => options with { Sync = [Entry(options, "copy") with { Interval = TimeSpan.FromMilliseconds(50) }] });
        SampleImage image = cache.Add("1.0");

        await CacheFixture.UntilAsync(async () =>
        {
            using HttpResponseMessage response = await cache.HeadAsync("copy/library/sample/manifests/1.0");
            return response.IsSuccessStatusCode;
        });

        Assert.Equal(image[image.Manifest], await cache.BytesAsync("copy/library/sample/manifests/1.0"));
    }

    private static Task<CacheFixture> StartAsync() =>
        CacheFixture.StartAsync(options => options with { Sync = [Entry(options, "copy")], Upstreams = [] });

    private static SyncOptions Entry(RegistryServerOptions options, string prefix) => new()
    {
        Registry = options.Upstreams[0].Registry,
        Repositories = ["library/sample"],
        Tags = ["1.*"],
        Prefix = prefix,
    };
}
