using Mica.Oci;
using Mica.Registry;
using Mica.Tests.Oci;

namespace Mica.Tests.Registry;

public sealed class RegistryDownloadTests : IAsyncLifetime
{
    private readonly RegistryFixture _fixture = new();
    private readonly SampleImage _image = SampleImage.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private TestRegistry Registry => _fixture.Registry;

    private Descriptor Layer => _image.Layers[1];

    public async ValueTask InitializeAsync()
    {
        await _fixture.InitializeAsync();
        Registry.Add("library/sample", _image, "1.0");
    }

    public async ValueTask DisposeAsync() => await _fixture.DisposeAsync();

    [Fact]
    public async Task Open_ConnectionIsCut_GoesOnWhereItStopped()
    {
        Registry.Behaviour.CutDownloadsAfter = 100_000;
        Registry.Behaviour.Cuts = 2;

        Assert.Equal(_image[Layer], await _fixture.Repository().ReadAllAsync(Layer));

        Assert.Equal([null, "bytes=100000-", "bytes=200000-"], Registry.Seen("GET").Select(request => request.Range));
        Assert.Equal(2, _fixture.Progress.Of<RetryScheduled>().Count());
    }

    [Fact]
    public async Task Open_CutAgainAndAgainWithProgress_NeverGivesUp()
    {
        Descriptor big = AddBlob(70_000 * 12);
        Registry.Behaviour.CutDownloadsAfter = 70_000;
        Registry.Behaviour.Cuts = 11;

        Assert.Equal(big.Size, (await _fixture.Repository().ReadAllAsync(big)).Length);

        // Each failure is the first one after progress, so no wait grows.
        Assert.All(_fixture.Time.Delays, delay => Assert.InRange(delay, TimeSpan.FromSeconds(0.25), TimeSpan.FromSeconds(0.5)));
    }

    [Fact]
    public async Task Open_CutWithoutProgress_GivesUpAfterFive()
    {
        Registry.Behaviour.CutDownloadsAfter = 0;
        Registry.Behaviour.Cuts = int.MaxValue;

        RegistryRepository repository = _fixture.Repository();
        await repository.ResolveAsync("1.0", Cancellation);

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => repository.ReadAllAsync(Layer));

        // Whether the headers still arrived before the reset is up to the kernel, and so are the words.
        Assert.Equal(ErrorKind.Unavailable, error.Kind);
        Assert.Contains(Registry.Host, error.Message, StringComparison.Ordinal);
        Assert.Equal(5, Registry.Seen("GET").Length);
    }

    [Fact]
    public async Task Open_RangesAreIgnored_SkipsWhatItHas()
    {
        Registry.Behaviour.Ranges = false;
        Registry.Behaviour.CutDownloadsAfter = 100_000;
        Registry.Behaviour.Cuts = 1;

        Assert.Equal(_image[Layer], await _fixture.Repository().ReadAllAsync(Layer));
    }

    [Fact]
    public async Task OpenUnverified_AtOffset_AsksForTheRest()
    {
        await using Stream stream = await _fixture.Repository().OpenUnverifiedAsync(Layer, 299_000, Cancellation);
        await stream.CopyToAsync(Stream.Null, Cancellation);

        Assert.Equal("bytes=299000-", Assert.Single(Registry.Requests).Range);
        Assert.Equal("identity", Assert.Single(Registry.Requests).Headers["Accept-Encoding"]);
    }

    [Fact]
    public async Task OpenUnverified_OffsetOutside_IsAMistake()
    {
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            async () => await _fixture.Repository().OpenUnverifiedAsync(Layer, Layer.Size + 1, Cancellation));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            async () => await _fixture.Repository().OpenUnverifiedAsync(Layer, -1, Cancellation));
    }

    [Theory]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    [InlineData(429)]
    [InlineData(408)]
    public async Task Open_PassingFailures_AreWaitedOutLongerEachTime(int status)
    {
        Registry.Answer("GET", "/blobs/", times: 4, status);

        Assert.Equal(_image[Layer], await _fixture.Repository().ReadAllAsync(Layer));

        TimeSpan[] delays = [.. _fixture.Time.Delays];
        Assert.Equal(4, delays.Length);
        for (int index = 0; index < delays.Length; index++)
        {
            double full = 0.5 * Math.Pow(2, index);
            Assert.InRange(delays[index].TotalSeconds, full / 2, full);
        }
    }

    [Fact]
    public async Task Open_FailsFiveTimes_IsTheError()
    {
        Registry.Answer("GET", "/blobs/", times: 5, status: 503, """{"errors":[{"code":"UNAVAILABLE","message":"be patient"}]}""");

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => _fixture.Repository().ReadAllAsync(Layer));

        Assert.Equal($"{Registry.Host}/library/sample@{Layer.Digest}: {Registry.Host} failed with 503 service unavailable: be patient", error.Message);
        Assert.Equal(["UNAVAILABLE"], error.Codes);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(501)]
    public async Task Open_LastingFailure_IsNotRepeated(int status)
    {
        Registry.Answer("GET", "/blobs/", times: 9, status);

        await Assert.ThrowsAsync<RegistryException>(() => _fixture.Repository().ReadAllAsync(Layer));

        Assert.Single(Registry.Requests);
    }

    [Fact]
    public async Task Open_RetryAfter_IsHonoured()
    {
        Registry.Answer("GET", "/blobs/", times: 1, status: 429, "", ("Retry-After", "37"));

        await _fixture.Repository().ReadAllAsync(Layer);

        Assert.Equal([TimeSpan.FromSeconds(37)], _fixture.Time.Delays);
        Assert.Equal(TimeSpan.FromSeconds(37), Assert.Single(_fixture.Progress.Of<RetryScheduled>()).Delay);
    }

    [Fact]
    public async Task Open_RetryAfterTooLong_FailsAtOnce()
    {
        Registry.Answer("GET", "/blobs/", times: 1, status: 429, """{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}""",
            ("Retry-After", "21600"));

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => _fixture.Repository().ReadAllAsync(Layer));

        Assert.EndsWith(": toomanyrequests: You have reached your pull rate limit.", error.Message, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromHours(6), error.RetryAfter);
        Assert.Empty(_fixture.Time.Delays);
    }

    [Fact]
    public async Task Open_LengthIsNotTheDescriptors_FailsBeforeAByte()
    {
        Registry.Repository("library/sample").Blobs[Layer.Digest] = _image[Layer][..^1];

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await _fixture.Repository().OpenUnverifiedAsync(Layer, 0, Cancellation));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.Equal(
            $"{Registry.Host}/library/sample@{Layer.Digest}: {Registry.Host} has 299999 bytes of it, but its descriptor promises 300000", error.Message);
    }

    [Fact]
    public async Task Open_ResumedPartOfAnotherSize_Fails()
    {
        Registry.Repository("library/sample").Blobs[Layer.Digest] = _image[Layer][..^1];

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await _fixture.Repository().OpenUnverifiedAsync(Layer, 1000, Cancellation));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
    }

    [Fact]
    public async Task Open_NothingBehindTheOffset_Fails()
    {
        Registry.Repository("library/sample").Blobs[Layer.Digest] = _image[Layer][..1000];

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await _fixture.Repository().OpenUnverifiedAsync(Layer, 1000, Cancellation));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.EndsWith($"{Registry.Host} has fewer bytes of it than promised", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_PartFromElsewhere_Fails()
    {
        Registry.Intercept("GET", "/blobs/", 1, async (context, _) =>
        {
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = "bytes 0-299999/300000";
            await context.Response.Body.WriteAsync(_image[Layer]);
        });

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await _fixture.Repository().OpenUnverifiedAsync(Layer, 1000, Cancellation));

        Assert.EndsWith($"{Registry.Host} sends other bytes than those from 1000 on", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_BodyWithoutLength_IsRead()
    {
        Registry.Behaviour.ChunkedBlobs = true;

        Assert.Equal(_image[Layer], await _fixture.Repository().ReadAllAsync(Layer));
    }

    [Fact]
    public async Task OpenUnverified_BodyWithoutLengthGoesOn_Fails()
    {
        Registry.Behaviour.ChunkedBlobs = true;
        Registry.Repository("library/sample").Blobs[Layer.Digest] = [.. _image[Layer], 0];
        await using Stream stream = await _fixture.Repository().OpenUnverifiedAsync(Layer, 0, Cancellation);

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => stream.CopyToAsync(Stream.Null, Cancellation));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.EndsWith("sends more than the 300000 bytes that its descriptor promises", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_BodyWithoutLengthEndsEarly_GivesUp()
    {
        Registry.Behaviour.ChunkedBlobs = true;
        Registry.Behaviour.Ranges = false;
        Registry.Repository("library/sample").Blobs[Layer.Digest] = _image[Layer][..1000];

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => _fixture.Repository().ReadAllAsync(Layer));

        Assert.Equal(ErrorKind.Unavailable, error.Kind);
        Assert.EndsWith($"the connection to {Registry.Host} ended after 1000 of 300000 bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_NothingComes_IsCutAndResumed()
    {
        RegistryRepository repository = _fixture.Repository(_fixture.Options with { StallTimeout = TimeSpan.FromMilliseconds(300) });
        Registry.Intercept("GET", "/blobs/", 1, async (context, _) =>
        {
            context.Response.ContentLength = Layer.Size;
            await context.Response.Body.WriteAsync(_image[Layer].AsMemory(0, 5000));
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });

        Assert.Equal(_image[Layer], await repository.ReadAllAsync(Layer));

        Assert.Contains("brought nothing for 0.3 s", Assert.Single(_fixture.Progress.Of<RetryScheduled>()).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_CancelledWhileWaitingForBytes_EndsAtOnce()
    {
        using var cancel = new CancellationTokenSource();
        Registry.Intercept("GET", "/blobs/", 1, async (context, _) =>
        {
            context.Response.ContentLength = Layer.Size;
            await context.Response.Body.WriteAsync(_image[Layer].AsMemory(0, 5000));
            await context.Response.Body.FlushAsync();
            await cancel.CancelAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await using Stream stream = await _fixture.Repository().OpenUnverifiedAsync(Layer, 0, cancel.Token);
            await stream.CopyToAsync(Stream.Null, cancel.Token);
        });
    }

    [Fact]
    public async Task Open_RedirectedToAnotherHost_TakesNoCredentialsThere()
    {
        await using TestRegistry store = await TestRegistry.StartAsync();
        Registry.Auth = new TestAuth();
        Registry.Behaviour.Store = store;

        Assert.Equal(_image[Layer], await _fixture.Repository().ReadAllAsync(Layer));

        SeenRequest request = Assert.Single(store.Requests);
        Assert.Null(request.Authorization);
        Assert.Contains("Bearer", Registry.Seen("GET", "/blobs/")[^1].Authorization, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(308)]
    public async Task Open_RedirectStatus_IsFollowed(int status)
    {
        await using TestRegistry store = await TestRegistry.StartAsync();
        Registry.Behaviour.Store = store;
        Registry.Behaviour.RedirectStatus = status;

        Assert.Equal(_image[Layer], await _fixture.Repository().ReadAllAsync(Layer));
    }

    [Fact]
    public async Task Open_CutAtTheStore_GoesOnThereWithoutAskingAgain()
    {
        await using TestRegistry store = await TestRegistry.StartAsync();
        Registry.Behaviour.Store = store;
        store.Behaviour.CutDownloadsAfter = 100_000;
        store.Behaviour.Cuts = 1;

        Assert.Equal(_image[Layer], await _fixture.Repository().ReadAllAsync(Layer));

        Assert.Single(Registry.Requests);
        Assert.Equal([null, "bytes=100000-"], store.Requests.Select(request => request.Range));
    }

    [Fact]
    public async Task Open_SignatureExpired_AsksTheRegistryAgain()
    {
        await using TestRegistry store = await TestRegistry.StartAsync();
        Registry.Behaviour.Store = store;
        store.Behaviour.CutDownloadsAfter = 100_000;
        store.Behaviour.Cuts = 1;
        int seen = 0;
        store.Intercept("GET", "/store/", 2, async (context, answer) =>
        {
            if (Interlocked.Increment(ref seen) == 2)
            {
                context.Response.StatusCode = 403;
                return;
            }

            await answer();
        });

        Assert.Equal(_image[Layer], await _fixture.Repository().ReadAllAsync(Layer));

        Assert.Equal(2, Registry.Requests.Count);
        Assert.Equal(3, store.Requests.Count);
    }

    [Fact]
    public async Task Open_RedirectsForEver_Fails()
    {
        Registry.Answer("GET", "/blobs/", times: 99, status: 302, "", ("Location", $"/v2/library/sample/blobs/{Layer.Digest}"));

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => _fixture.Repository().ReadAllAsync(Layer));

        Assert.EndsWith("redirects more than 5 times", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://alice:x@127.0.0.1/")]
    [InlineData("ftp://127.0.0.1/")]
    public async Task Open_RedirectElsewhere_IsNotFollowed(string location)
    {
        Registry.Answer("GET", "/blobs/", times: 1, status: 307, "", ("Location", location));

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => _fixture.Repository().ReadAllAsync(Layer));

        Assert.EndsWith("redirects to an address that is not followed", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Open_Big_IsFetchedInPartsAndDeliveredInOrder(int atOnce)
    {
        Descriptor big = AddBlob(1_000_003);
        RegistryRepository repository = _fixture.Repository(SplitOptions with { ParallelRanges = atOnce });

        byte[] content = await repository.ReadAllAsync(big);

        Assert.Equal(Registry.Repository("library/sample").Blobs[big.Digest], content);
        Assert.Equal(atOnce == 1 ? 1 : 11, Registry.Requests.Count);
    }

    [Fact]
    public async Task OpenUnverified_BigAtOffset_IsTheRest()
    {
        Descriptor big = AddBlob(1_000_003);

        await using Stream stream = await _fixture.Repository(SplitOptions).OpenUnverifiedAsync(big, 123_456, Cancellation);
        var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Cancellation);

        Assert.Equal(Registry.Repository("library/sample").Blobs[big.Digest][123_456..], copy.ToArray());
    }

    [Fact]
    public async Task Open_BigManyAtOnce_AllArrive()
    {
        Descriptor[] blobs = [.. Enumerable.Range(0, 5).Select(seed => AddBlob(900_000 + seed, seed + 10))];
        RegistryRepository repository = _fixture.Repository(SplitOptions);

        byte[][] contents = await Task.WhenAll(blobs.Select(blob => repository.ReadAllAsync(blob)));

        Assert.All(blobs.Zip(contents), pair => Assert.Equal(pair.First.Digest, Digest.Of(pair.Second)));
    }

    [Fact]
    public async Task Open_BigAndCutOften_IsWhole()
    {
        Descriptor big = AddBlob(1_000_003);
        Registry.Behaviour.CutDownloadsAfter = 66_000;
        Registry.Behaviour.Cuts = 8;

        byte[] content = await _fixture.Repository(SplitOptions).ReadAllAsync(big);

        Assert.Equal(big.Digest, Digest.Of(content));
    }

    [Fact]
    public async Task Open_BigFromOneThatIgnoresRanges_IsOneRequest()
    {
        Descriptor big = AddBlob(1_000_003);
        Registry.Behaviour.Ranges = false;
        RegistryRepository repository = _fixture.Repository(SplitOptions);

        Assert.Equal(big.Digest, Digest.Of(await repository.ReadAllAsync(big)));
        Assert.Equal(big.Digest, Digest.Of(await repository.ReadAllAsync(big)));

        Assert.Equal(["bytes=0-99999", null], Registry.Requests.Select(request => request.Range));
    }

    [Fact]
    public async Task Open_BigPartFails_IsTheError()
    {
        Descriptor big = AddBlob(1_000_003);
        Registry.Intercept("GET", "/blobs/", 99, async (context, answer) =>
        {
            if (context.Request.Headers.Range == "bytes=300000-399999")
            {
                context.Response.StatusCode = 403;
                return;
            }

            await answer();
        });
        await using Stream stream = await _fixture.Repository(SplitOptions).OpenUnverifiedAsync(big, 0, Cancellation);
        var copy = new MemoryStream();

        await Assert.ThrowsAsync<RegistryException>(() => stream.CopyToAsync(copy, Cancellation));

        Assert.Equal(300_000, copy.Length);
    }

    [Fact]
    public async Task Open_BigAndDisposedEarly_LetsItsBuffersGo()
    {
        Descriptor big = AddBlob(1_000_003);
        RegistryRepository repository = _fixture.Repository(SplitOptions);

        for (int count = 0; count < 20; count++)
        {
            await using Stream stream = await repository.OpenUnverifiedAsync(big, 0, Cancellation);
            await stream.ReadExactlyAsync(new byte[150_000], Cancellation);
        }

        Assert.Equal(big.Digest, Digest.Of(await repository.ReadAllAsync(big)));
    }

    [Fact]
    public async Task Open_FromLoopback_IsNotSplit()
    {
        Descriptor big = AddBlob(1_000_003);

        await _fixture.Repository(SplitOptions with { SplitOnLoopback = false }).ReadAllAsync(big);

        Assert.Single(Registry.Requests);
    }

    private RegistryClientOptions SplitOptions => _fixture.Options with { SplitOnLoopback = true, ParallelThreshold = 500_000, RangeSize = 100_000 };

    private Descriptor AddBlob(int size, int seed = 5)
    {
        byte[] content = SampleImage.Bytes(size, seed);
        Descriptor descriptor = Descriptor.Of(MediaTypes.OciLayer, content);
        Registry.Repository("library/sample").Blobs[descriptor.Digest] = content;
        return descriptor;
    }
}
