using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Collection;
using Mica.Tests.Oci;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mica.Tests.RegistryServer.Upstream;

public sealed class UpstreamExpiryTests
{
    [Fact]
    public async Task Expire_NotPulledForLong_GoesAfterTheGraceTime()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage old = cache.Add("old");
        SampleImage used = cache.Add("used", seed: 2);
        SampleImage byDigest = cache.Add("other", seed: 3);
        await PullAsync(cache, old, "old");
        await PullAsync(cache, used, "used");
        await PullAsync(cache, byDigest, byDigest.Manifest.Digest.ToString());
        await cache.PushAsync("app", Digest.Of("own"u8), "own"u8.ToArray());
        // What was pulled is written down at the end.
        await cache.RestartAsync(static options => options);
        cache.Time.Advance(TimeSpan.FromDays(20));
        await PullAsync(cache, used, "used");
        await cache.StopAsync();
        cache.Time.Advance(TimeSpan.FromDays(11));

        CollectionReport during, after;
        await using (RegistryParts parts = await RegistryParts.OpenAsync(
            cache.Options, NullLoggerFactory.Instance, TestContext.Current.CancellationToken))
        {
            await parts.Upstreams!.ExpireAsync(TestContext.Current.CancellationToken);
            during = await parts.Collector.RunAsync(TestContext.Current.CancellationToken);
            cache.Time.Advance(TimeSpan.FromDays(8));
            after = await parts.Collector.RunAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(0, during.Manifests);
        Assert.Equal(2, after.Manifests);
        Assert.Equal(6, after.Blobs);
        Assert.Equal("expiry", (await cache.JournalAsync("up/library/sample", "old"))[0].Who);
        Assert.NotEqual("expiry", (await cache.JournalAsync("up/library/sample", "used"))[0].Who);
    }

    private static async Task PullAsync(CacheFixture cache, SampleImage image, string reference)
    {
        await cache.BytesAsync($"up/library/sample/manifests/{reference}");
        foreach (Descriptor blob in image.Layers.Append(image.Config))
        {
            await cache.BytesAsync($"up/library/sample/blobs/{blob.Digest}");
        }
    }
}
