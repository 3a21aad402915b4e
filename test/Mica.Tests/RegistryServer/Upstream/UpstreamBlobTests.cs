using System.Net;
using Mica.Oci;
using Mica.RegistryServer;
using Mica.RegistryServer.Access;
using Mica.Tests.Oci;

namespace Mica.Tests.RegistryServer.Upstream;

public sealed class UpstreamBlobTests
{
    private const string Blobs = "up/library/sample/blobs/";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Get_TwentyAtOnce_FetchOnce()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1", 1, 12_000_000);
        Descriptor layer = image.Layers[0];

        byte[][] copies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => cache.BytesAsync(Blobs + layer.Digest)));
        byte[] later = await cache.BytesAsync(Blobs + layer.Digest);

        Assert.All(copies.Append(later), copy => Assert.Equal(layer.Digest, Digest.Of(copy)));
        Assert.Single(cache.Upstream.Seen("GET", "/blobs/"));
        Assert.Single(cache.Upstream.Seen("HEAD", "/blobs/"));
        Assert.Equal(1, cache.Metrics.UpstreamFetches.Value);
        Assert.Equal(20, cache.Metrics.UpstreamHits.Value);
        Assert.Empty(cache.Fetching);
    }

    [Fact]
    public async Task Get_AfterTheManifest_NeedsNoHead()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");
        await cache.BytesAsync("up/library/sample/manifests/1");

        await cache.BytesAsync(Blobs + image.Layers[1].Digest);

        Assert.Empty(cache.Upstream.Seen("HEAD"));
    }

    [Fact]
    public async Task Get_UpstreamStillSends_ClientsHaveWhatCame()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1", 1, 4_000_000);
        using Stall stall = Halve(cache, image, 3_000_000);
        string path = Blobs + image.Layers[0].Digest;

        using HttpResponseMessage first = await cache.GetAsync(path);
        await using Stream early = await first.Content.ReadAsStreamAsync(Token);
        byte[] begun = new byte[2_500_000];
        await early.ReadExactlyAsync(begun, Token);
        using HttpResponseMessage second = await cache.SendAsync(HttpMethod.Get, path, ("Range", "bytes=2000000-2199999"));
        await using Stream part = await second.Content.ReadAsStreamAsync(Token);
        byte[] middle = new byte[200_000];
        await part.ReadExactlyAsync(middle.AsMemory(0, 100_000), Token);

        // The end of a part comes when the whole is verified, as the end of the whole does.
        stall.End();
        await part.ReadExactlyAsync(middle.AsMemory(100_000), Token);
        byte[] rest = new byte[1_500_000];
        await early.ReadExactlyAsync(rest, Token);

        Assert.Equal(image.Layers[0].Digest, Digest.Of([.. begun, .. rest]));
        Assert.Equal(HttpStatusCode.PartialContent, second.StatusCode);
        Assert.Equal(image[image.Layers[0]][2_000_000..2_200_000], middle);
        Assert.Single(cache.Upstream.Seen("GET", "/blobs/"));
    }

    [Fact]
    public async Task Get_LastClientVanishesBeforeHalf_EndsTheTransfer()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1", 1, 4_000_000);
        using Stall stall = Halve(cache, image, 1_000_000);

        await VanishAsync(cache, Blobs + image.Layers[0].Digest, 500_000);

        await stall.Ended.WaitAsync(TimeSpan.FromSeconds(20), Token);
        await CacheFixture.UntilAsync(() => cache.Fetching.Length == 0);
        Assert.Equal(image[image.Layers[0]], await cache.BytesAsync(Blobs + image.Layers[0].Digest));
        Assert.Equal(2, cache.Upstream.Seen("GET", "/blobs/").Length);
    }

    [Fact]
    public async Task Get_LastClientVanishesAfterHalf_FetchesTheRest()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1", 1, 4_000_000);
        using Stall stall = Halve(cache, image, 3_000_000);

        await VanishAsync(cache, Blobs + image.Layers[0].Digest, 2_500_000);
        stall.End();

        await CacheFixture.UntilAsync(() => cache.Fetching.Length == 0);
        Assert.Equal(image[image.Layers[0]], await cache.BytesAsync(Blobs + image.Layers[0].Digest));
        Assert.Single(cache.Upstream.Seen("GET", "/blobs/"));
    }

    [Fact]
    public async Task Get_OneOfTwoVanishes_ServesTheOther()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1", 1, 4_000_000);
        using Stall stall = Halve(cache, image, 1_000_000);
        string path = Blobs + image.Layers[0].Digest;

        using HttpResponseMessage other = await cache.GetAsync(path);
        await VanishAsync(cache, path, 500_000);
        stall.End();

        Assert.Equal(image[image.Layers[0]], await other.Content.ReadAsByteArrayAsync(Token));
        Assert.Single(cache.Upstream.Seen("GET", "/blobs/"));
    }

    [Fact]
    public async Task Get_UpstreamCutsOnce_GoesOnWhereItWas()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1", 1, 2_000_000);
        cache.Upstream.Behaviour.CutDownloadsAfter = 1_200_000;
        cache.Upstream.Behaviour.Cuts = 1;

        Assert.Equal(image[image.Layers[0]], await cache.BytesAsync(Blobs + image.Layers[0].Digest));
        Assert.Contains(cache.Upstream.Requests, request => request.Range is not null);
    }

    [Fact]
    public async Task Get_UpstreamDiesInTheMiddle_AbortsTheClientAndStoresNothing()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1", 1, 2_000_000);
        string path = Blobs + image.Layers[0].Digest;
        using Stall stall = Halve(cache, image, 1_200_000);

        using HttpResponseMessage response = await cache.GetAsync(path);
        await cache.Upstream.DisposeAsync();

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => response.Content.ReadAsByteArrayAsync(Token));
        using HttpResponseMessage again = await cache.GetAsync(path);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, again.StatusCode);
        Assert.Empty(cache.Fetching);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(1_000_000)]
    public async Task Get_UpstreamLiesAboutTheDigest_NeverCompletesAndStoresNothing(int size)
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1", 1, size);
        string path = Blobs + image.Layers[0].Digest;
        cache.Upstream.Repository("library/sample").Blobs[image.Layers[0].Digest] = SampleImage.Bytes(size, 99);

        for (int attempt = 1; attempt <= 2; attempt++)
        {
            Exception? cut = await Record.ExceptionAsync(() => cache.BytesAsync(path));
            Assert.IsType<HttpRequestException>(cut);
            Assert.Equal(attempt, cache.Upstream.Seen("GET", "/blobs/").Length);
        }

        cache.Upstream.Repository("library/sample").Blobs[image.Layers[0].Digest] = image[image.Layers[0]];
        Assert.Equal(image[image.Layers[0]], await cache.BytesAsync(path));
    }

    [Fact]
    public async Task Get_UpstreamLiesAboutTheSize_IsAFailureOfTheUpstream()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");
        await cache.BytesAsync("up/library/sample/manifests/1");
        cache.Upstream.Repository("library/sample").Blobs[image.Layers[0].Digest] = SampleImage.Bytes(5000, 99);

        using HttpResponseMessage response = await cache.GetAsync(Blobs + image.Layers[0].Digest);

        Assert.Equal(HttpStatusCode.BadGateway, response.StatusCode);
    }

    [Fact]
    public async Task Head_BlobThatIsNotHere_AsksByHead()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");

        using HttpResponseMessage known = await cache.HeadAsync(Blobs + image.Layers[1].Digest);
        using HttpResponseMessage unknown = await cache.HeadAsync(Blobs + Digest.Of("x"u8));

        Assert.Equal(image.Layers[1].Size, known.Content.Headers.ContentLength);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.Empty(cache.Upstream.Seen("GET"));
    }

    [Fact]
    public async Task Get_UnknownBlob_IsUnknown()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();

        using HttpResponseMessage response = await cache.GetAsync(Blobs + Digest.Of("x"u8));

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Contains("BLOB_UNKNOWN", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_EmptyBlob_IsEmpty()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        cache.Upstream.Repository("library/sample").Blobs[Digest.Of([])] = [];

        Assert.Empty(await cache.BytesAsync(Blobs + Digest.Of([])));
    }

    [Fact]
    public async Task Get_RangeOfWhatIsNotHere_IsThatRange()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1", 1, 500_000);
        string path = Blobs + image.Layers[0].Digest;

        using HttpResponseMessage end = await cache.SendAsync(HttpMethod.Get, path, ("Range", "bytes=-100"));
        using HttpResponseMessage beyond = await cache.SendAsync(HttpMethod.Get, path, ("Range", "bytes=500000-"));

        Assert.Equal(HttpStatusCode.PartialContent, end.StatusCode);
        Assert.Equal(image[image.Layers[0]][499_900..], await end.Content.ReadAsByteArrayAsync(Token));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, beyond.StatusCode);
    }

    [Fact]
    public async Task Get_RangeThatNeverArrives_IsAnErrorThatNobodyKeeps()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1", 1, 2_000_000);
        using Stall stall = Halve(cache, image, 1_200_000);

        Task<HttpResponseMessage> range = cache.SendAsync(
            HttpMethod.Get, Blobs + image.Layers[0].Digest, ("Range", "bytes=1500000-"));
        await CacheFixture.UntilAsync(() => cache.Fetching is [var file] && new FileInfo(file).Length == 1_200_000);
        await cache.Upstream.DisposeAsync();
        using HttpResponseMessage response = await range;

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Null(response.Headers.CacheControl);
        Assert.Null(response.Headers.ETag);
    }

    [Fact]
    public async Task Get_BytesThatAnotherRepositoryHas_AreLinked()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        SampleImage image = cache.Add("1");
        await cache.PushAsync("app", image.Layers[1].Digest, image[image.Layers[1]]);

        byte[] bytes = await cache.BytesAsync(Blobs + image.Layers[1].Digest);

        Assert.Equal(image[image.Layers[1]], bytes);
        Assert.Empty(cache.Upstream.Seen("GET"));
        Assert.Single(cache.Upstream.Seen("HEAD"));
    }

    [Fact]
    public async Task Get_BytesThatAnotherRepositoryHasButUpstreamHasNot_AreUnknown()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        byte[] content = SampleImage.Bytes(1000, 7);
        await cache.PushAsync("app", Digest.Of(content), content);

        using HttpResponseMessage response = await cache.GetAsync(Blobs + Digest.Of(content));

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task Get_BytesThatOnlySomeMayRead_AreNotLinkedBecauseAManifestNamesThem()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync(options => options with
        {
            Access = new AccessOptions
            {
                Rules =
                [
                    new AccessRule { Subjects = [AccessRule.Anybody], Repositories = ["up/**"], Rights = Rights.Read },
                    new AccessRule { Subjects = [AccessRule.Anybody], Repositories = ["secret/**"], Rights = Rights.Create },
                ],
            },
        });
        SampleImage image = cache.Add("1");
        await cache.PushAsync("secret/app", image.Layers[1].Digest, image[image.Layers[1]]);
        cache.Upstream.Repository("library/sample").Blobs.TryRemove(image.Layers[1].Digest, out _);
        await cache.BytesAsync("up/library/sample/manifests/1");

        using HttpResponseMessage response = await cache.GetAsync(Blobs + image.Layers[1].Digest);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Get_BytesOfASiblingThatOnlySomeMayRead_AreLinkedIfUpstreamItselfHasThemThere(bool isThere)
    {
        await using CacheFixture cache = await CacheFixture.StartAsync(options => options with
        {
            Access = new AccessOptions
            {
                Rules = [new AccessRule { Subjects = [AccessRule.Anybody], Repositories = ["up/library/other"], Rights = Rights.Read }],
            },
            Sync = [new SyncOptions { Registry = options.Upstreams[0].Registry, Repositories = ["library/sample"], Prefix = "up" }],
        });
        SampleImage image = cache.Add("1");
        await cache.Server.SynchronizeAsync(Token);
        cache.Upstream.Add("library/other", image, "1");
        if (!isThere)
        {
            cache.Upstream.Repository("library/other").Blobs.Clear();
        }

        await cache.BytesAsync("up/library/other/manifests/1");
        using HttpResponseMessage response = await cache.GetAsync($"up/library/other/blobs/{image.Layers[1].Digest}");

        Assert.Equal(isThere ? HttpStatusCode.OK : HttpStatusCode.NotFound, response.StatusCode);
        Assert.Single(cache.Upstream.Seen("HEAD", "/other/blobs/"));
        Assert.Equal(isThere ? 0 : 1, cache.Upstream.Seen("GET", "/other/blobs/").Length);
    }

    [Fact]
    public async Task Start_WhatAKilledProcessWasFetching_IsRemoved()
    {
        await using CacheFixture cache = await CacheFixture.StartAsync();
        await cache.StopAsync();
        await File.WriteAllBytesAsync(Path.Combine(cache.Options.DataDirectory, "fetching", "1"), [1, 2, 3], Token);

        await cache.RestartAsync(static options => options);

        Assert.Empty(cache.Fetching);
    }

    /// <summary>The next GET of the image's layer stops after so many bytes.</summary>
    private static Stall Halve(CacheFixture cache, SampleImage image, int after)
    {
        var stall = new Stall();
        byte[] content = image[image.Layers[0]];
        cache.Upstream.Intercept("GET", "/blobs/", 1, async (context, _) =>
        {
            context.Response.ContentLength = content.Length;
            await context.Response.Body.WriteAsync(content.AsMemory(0, after));
            await context.Response.Body.FlushAsync();
            await stall.WaitAsync(context.RequestAborted);
            await context.Response.Body.WriteAsync(content.AsMemory(after));
        });
        return stall;
    }

    private static async Task VanishAsync(CacheFixture cache, string path, int after)
    {
        using HttpResponseMessage response = await cache.GetAsync(path);
        await using Stream stream = await response.Content.ReadAsStreamAsync(Token);
        await stream.ReadExactlyAsync(new byte[after], Token);
    }

    /// <summary>Where a transfer stands still until it is told to go on, or breaks off.</summary>
    private sealed class Stall : IDisposable
    {
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The other side broke off.</summary>
        public Task Ended => _ended.Task;

        public void End() => _end.TrySetResult();

        public async Task WaitAsync(CancellationToken aborted)
        {
            try
            {
                await _end.Task.WaitAsync(aborted);
            }
            catch (OperationCanceledException)
            {
                _ended.TrySetResult();
                throw;
            }
        }

        public void Dispose() => End();
    }
}
