using Mica.Oci;
using Mica.Registry;
using Mica.Tests.Oci;

namespace Mica.Tests.Registry;

public sealed class RegistryUploadTests : IAsyncLifetime
{
    private readonly RegistryFixture _fixture = new();
    private readonly SampleImage _image = SampleImage.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private TestRegistry Registry => _fixture.Registry;

    private TestRepository Stored => Registry.Repository("library/sample");

    private Descriptor Layer => _image.Layers[1];

    private Descriptor Small => _image.Layers[0];

    public async ValueTask InitializeAsync() => await _fixture.InitializeAsync();

    public async ValueTask DisposeAsync() => await _fixture.DisposeAsync();

    [Fact]
    public async Task Write_Blob_IsOnePostAndOnePut()
    {
        await WriteAsync(Layer);

        Assert.Equal(["POST", "PUT"], Registry.Requests.Select(request => request.Method));
        Assert.Equal("300000", Registry.Requests.Last().Headers["Content-Length"]);
        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Write_SmallBlob_IsOnePost()
    {
        await WriteAsync(Small);

        Assert.Equal("POST", Assert.Single(Registry.Requests).Method);
        Assert.Equal(_image[Small], Stored.Blobs[Small.Digest]);
    }

    [Fact]
    public async Task Write_SinglePostIsNotSupported_FallsBackAndRemembers()
    {
        Registry.Behaviour.SinglePost = false;
        RegistryRepository repository = _fixture.Repository();

        await WriteAsync(Small, repository);
        await WriteAsync(_image.Config, repository);

        Assert.Equal(["POST", "PUT", "POST", "PUT"], Registry.Requests.Select(request => request.Method));
        Assert.DoesNotContain("digest", Registry.Seen("POST")[1].Query, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(404)]
    [InlineData(405)]
    public async Task Write_SinglePostIsRefused_FallsBack(int status)
    {
        Registry.Answer("POST", "digest=", times: 1, status);

        await WriteAsync(Small);

        Assert.Equal(_image[Small], Stored.Blobs[Small.Digest]);
    }

    [Fact]
    public async Task Write_AbsoluteLocations_AreFollowed()
    {
        Registry.Behaviour.AbsoluteLocations = true;

        await WriteAsync(Layer);

        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Write_LocationOnAnotherHost_TakesNoCredentialsThere()
    {
        await using TestRegistry other = await TestRegistry.StartAsync();
        Registry.Auth = new TestAuth();
        Registry.Behaviour.LocationPrefix = other.Address.ToString().TrimEnd('/');

        await Assert.ThrowsAnyAsync<MicaException>(() => WriteAsync(Layer));

        Assert.NotEmpty(other.Requests);
        Assert.All(other.Requests, request => Assert.Null(request.Authorization));
    }

    [Fact]
    public async Task Write_Cut_GoesOnWhereTheRegistryGotTo()
    {
        Registry.Behaviour.CutUploadsAfter = 100_000;
        Registry.Behaviour.Cuts = 1;

        await WriteAsync(Layer);

        Assert.Equal(["POST", "PUT", "GET", "PATCH", "PUT"], Registry.Requests.Select(request => request.Method));
        Assert.Equal("100000-299999", Registry.Seen("PATCH")[0].Headers["Content-Range"]);
        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Write_CutOftenWithProgress_NeverGivesUp()
    {
        Registry.Behaviour.CutUploadsAfter = 30_000;
        Registry.Behaviour.Cuts = 9;

        await WriteAsync(Layer);

        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
        Assert.All(_fixture.Time.Delays, delay => Assert.InRange(delay, TimeSpan.FromSeconds(0.25), TimeSpan.FromSeconds(0.5)));
    }

    [Fact]
    public async Task Write_CutWithoutProgress_GivesUpAndCancels()
    {
        Registry.Behaviour.CutUploadsAfter = 0;
        Registry.Behaviour.Cuts = int.MaxValue;

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => WriteAsync(Layer));

        Assert.Equal(ErrorKind.Unavailable, error.Kind);
        Assert.Equal(5, Registry.Seen("PUT").Length);
        Assert.NotEmpty(Registry.Seen("DELETE"));
        Assert.Empty(Stored.Blobs);
    }

    [Fact]
    public async Task Write_CutAndTheStreamCannotGoBack_Fails()
    {
        Registry.Behaviour.CutUploadsAfter = 100_000;
        Registry.Behaviour.Cuts = 1;
        using var forward = new FailingStream(_image[Layer], int.MaxValue);

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await _fixture.Repository().WriteAsync(Layer, forward, Cancellation));

        Assert.Equal(ErrorKind.Unavailable, error.Kind);
        Assert.EndsWith("and what it is read from cannot go back", error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(Registry.Seen("DELETE"));
    }

    [Fact]
    public async Task Write_ThroughACopy_CutUploadIsResumed()
    {
        Registry.Behaviour.CutUploadsAfter = 100_000;
        Registry.Behaviour.Cuts = 1;
        var source = new MemoryContent();
        await _image.WriteToAsync(source, "x", Cancellation);

        using var copy = new ContentCopy(source, _fixture.Repository(), new ContentCopyOptions(), progress: null);
        await copy.CopyAsync(_image.Manifest, Cancellation);

        Assert.Single(Registry.Seen("PATCH"));
        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Write_SessionIsLost_StartsAgain()
    {
        Registry.Answer("PUT", "/uploads/", times: 1, status: 404, """{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}""");
        Registry.Answer("GET", "/uploads/", times: 1, status: 404);

        await WriteAsync(Layer);

        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Write_OnlyTheLastAnswerIsLost_IsDone()
    {
        Registry.Intercept("PUT", "/uploads/", 1, async (context, answer) =>
        {
            await answer();
            context.Abort();
        });

        await WriteAsync(Layer);

        Assert.Single(Registry.Seen("PUT"));
        Assert.Single(Registry.Seen("HEAD"));
        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Write_ServerFailsAtTheEnd_ClosesAgain()
    {
        Registry.Answer("PUT", "/uploads/", times: 2, status: 503);

        await WriteAsync(Layer);

        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
        Assert.Equal(2, _fixture.Time.Delays.Count);
    }

    [Fact]
    public async Task Write_ChunkSizeIsGiven_SendsChunks()
    {
        await WriteAsync(Layer, _fixture.Repository(_fixture.Options with { UploadChunk = 110_000 }));

        Assert.Equal(["0-109999", "110000-219999", "220000-299999"], Registry.Seen("PATCH").Select(request => request.Headers["Content-Range"]));
        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Write_RegistryWantsBiggerChunks_GetsThem()
    {
        Registry.Behaviour.ChunkMinLength = 200_000;

        await WriteAsync(Layer, _fixture.Repository(_fixture.Options with { UploadChunk = 50_000 }));

        Assert.Equal(["0-199999", "200000-299999"], Registry.Seen("PATCH").Select(request => request.Headers["Content-Range"]));
        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Write_RegistryIsAtAnotherOffset_GoesThere()
    {
        Registry.Intercept("PATCH", "/uploads/", 1, async (context, _) =>
        {
            // It took nothing of the first chunk, and says so.
            context.Response.StatusCode = 416;
            context.Response.Headers.Range = "0-0";
            await context.Response.CompleteAsync();
        });

        await WriteAsync(Layer, _fixture.Repository(_fixture.Options with { UploadChunk = 110_000 }));

        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Write_TooBigForOneRequest_IsSentInChunks()
    {
        byte[] content = SampleImage.Bytes((16 << 20) + 5, 9);
        Descriptor big = Descriptor.Of(MediaTypes.OciLayer, content);
        Registry.Answer("PUT", "/uploads/", times: 1, status: 413);

        await _fixture.Repository().WriteAsync(big, new MemoryStream(content), Cancellation);

        Assert.Equal(2, Registry.Seen("PATCH").Length);
        Assert.Equal(big.Digest, Digest.Of(Stored.Blobs[big.Digest]));
    }

    [Fact]
    public async Task Write_CutWhereChunksAreRefused_StartsAgain()
    {
        Registry.Behaviour.Chunks = false;
        Registry.Behaviour.CutUploadsAfter = 100_000;
        Registry.Behaviour.Cuts = 1;

        await WriteAsync(Layer);

        Assert.Equal(2, Registry.Seen("PUT").Length);
        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Write_TokenExpiresBeforeTheBody_IsRenewed()
    {
        Registry.Auth = new TestAuth();
        Registry.Intercept("POST", "/uploads/", 9, async (_, answer) =>
        {
            await answer();
            Registry.Auth.Revoke();
        });

        await WriteAsync(Layer);

        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Write_RegistryStoredSomethingElse_Fails()
    {
        Registry.Intercept("PUT", "/uploads/", 1, async (context, _) =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null);
            context.Response.StatusCode = 201;
            context.Response.Headers["Docker-Content-Digest"] = Digest.Of("other"u8).ToString();
        });

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => WriteAsync(Layer));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
    }

    [Fact]
    public async Task Write_Denied_SaysPush()
    {
        Registry.Auth = new TestAuth { Allows = (_, _, action) => action == "pull" };

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => WriteAsync(Layer));

        Assert.Equal(ErrorKind.PermissionDenied, error.Kind);
        Assert.StartsWith($"push access denied for {Registry.Host}/library/sample, repository does not exist or may require authorization: "
            + "denied: requested access to the resource is denied", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mount_OfAKnownBlob_MovesNothing()
    {
        Registry.Add("library/source", _image);

        Assert.True(await _fixture.Repository().TryMountAsync(Layer, "library/source", Cancellation));

        Assert.Single(Registry.Requests);
        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Mount_OpensAnUpload_TheWriteUsesIt()
    {
        Registry.Behaviour.Mounts = false;
        RegistryRepository repository = _fixture.Repository();

        Assert.False(await repository.TryMountAsync(Layer, "library/source", Cancellation));
        await WriteAsync(Layer, repository);

        Assert.Equal(["POST", "PUT"], Registry.Requests.Select(request => request.Method));
        Assert.Equal(_image[Layer], Stored.Blobs[Layer.Digest]);
    }

    [Fact]
    public async Task Mount_SmallBlobOpensAnUpload_TheWriteUsesIt()
    {
        Registry.Behaviour.Mounts = false;
        RegistryRepository repository = _fixture.Repository();

        Assert.False(await repository.TryMountAsync(Small, "library/source", Cancellation));
        await WriteAsync(Small, repository);

        Assert.Equal(["POST", "PUT"], Registry.Requests.Select(request => request.Method));
    }

    [Fact]
    public async Task Copy_WithMountSource_Mounts()
    {
        Registry.Add("library/source", _image);
        var source = new MemoryContent();
        await _image.WriteToAsync(source, "x", Cancellation);

        using var copy = new ContentCopy(source, _fixture.Repository(), new ContentCopyOptions { MountFrom = _ => "library/source" }, _fixture.Progress);
        await copy.CopyAsync(_image.Manifest, Cancellation);

        Assert.Equal(3, _fixture.Progress.Of<BlobMounted>().Count());
        Assert.Equal(_image[_image.Manifest], Stored.Manifests[_image.Manifest.Digest].Content);
    }

    [Fact]
    public async Task Tag_WhatWasJustWritten_IsOnePut()
    {
        RegistryRepository repository = _fixture.Repository();
        await _image.WriteToAsync(repository, "1.0", Cancellation);
        Registry.Requests.Clear();

        await repository.TagAsync(_image.Manifest, "2.0", Cancellation);

        Assert.Equal("PUT", Assert.Single(Registry.Requests).Method);
        Assert.Equal(_image.Manifest.Digest, Stored.Tags["2.0"]);
    }

    [Fact]
    public async Task Tag_WhatTheRegistryHas_FetchesItsBytes()
    {
        Registry.Add("library/sample", _image);

        await _fixture.Repository().TagAsync(_image.Manifest, "2.0", Cancellation);

        Assert.Equal(["GET", "PUT"], Registry.Requests.Select(request => request.Method));
        Assert.Equal(_image.Manifest.Digest, Stored.Tags["2.0"]);
    }

    [Fact]
    public async Task Tag_Invalid_IsRefusedUnasked()
    {
        MicaException error = await Assert.ThrowsAnyAsync<MicaException>(
            async () => await _fixture.Repository().TagAsync(_image.Manifest, "../x", Cancellation));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Empty(Registry.Requests);
    }

    [Fact]
    public async Task Write_ManifestIsTooBig_IsRefusedUnasked()
    {
        var huge = new Descriptor { MediaType = MediaTypes.OciManifest, Digest = Digest.Of("x"u8), Size = ManifestDocument.MaxSize + 1 };

        MicaException error = await Assert.ThrowsAnyAsync<MicaException>(
            async () => await _fixture.Repository().WriteAsync(huge, Stream.Null, Cancellation));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.Empty(Registry.Requests);
    }

    private async Task WriteAsync(Descriptor descriptor, RegistryRepository? repository = null) =>
        await (repository ?? _fixture.Repository()).WriteAsync(descriptor, new MemoryStream(_image[descriptor]), Cancellation);
}
