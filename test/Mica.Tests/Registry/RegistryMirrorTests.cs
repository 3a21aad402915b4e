using Mica.Oci;
using Mica.Registry;
using Mica.Tests.Oci;

namespace Mica.Tests.Registry;

public sealed class RegistryMirrorTests : IAsyncLifetime
{
    private readonly RegistryFixture _fixture = new();
    private readonly RegistryFixture _mirror = new();
    private readonly SampleImage _image = SampleImage.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private Descriptor Layer => _image.Layers[1];

    private TestRegistry Origin => _fixture.Registry;

    private TestRegistry Mirror => _mirror.Registry;

    public async ValueTask InitializeAsync()
    {
        await _fixture.InitializeAsync();
        await _mirror.InitializeAsync();
        Origin.Add("library/sample", _image, "1.0");
    }

    public async ValueTask DisposeAsync()
    {
        await _fixture.DisposeAsync();
        await _mirror.DisposeAsync();
    }

    [Fact]
    public async Task Pull_MirrorHasIt_AsksNobodyElse()
    {
        Mirror.Add("cache/library/sample", _image, "1.0");
        RegistryRepository repository = Repository();

        Descriptor? found = await repository.ResolveAsync("1.0", Cancellation);
        await repository.ReadDocumentAsync(found!, Cancellation);
        await repository.ReadAllAsync(Layer);

        Assert.Empty(Origin.Requests);
        Assert.Equal(3, Mirror.Requests.Count);
        Assert.Empty(_fixture.Progress.Of<MirrorSkipped>());
    }

    [Fact]
    public async Task Resolve_MirrorLacksIt_GoesOn()
    {
        Assert.NotNull(await Repository().ResolveAsync("1.0", Cancellation));

        Assert.Equal(new MirrorSkipped(Mirror.Host, "not found there"), Assert.Single(_fixture.Progress.Of<MirrorSkipped>()));
    }

    [Fact]
    public async Task Resolve_NobodyHasIt_IsNull()
    {
        Assert.Null(await Repository().ResolveAsync("2.0", Cancellation));
    }

    [Fact]
    public async Task Open_MirrorLacksTheBlob_GoesOn()
    {
        Assert.Equal(_image[Layer], await Repository().ReadAllAsync(Layer));

        Assert.Contains("not found", Assert.Single(_fixture.Progress.Of<MirrorSkipped>()).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_MirrorFailsInTheMiddle_TheRestComesFromTheRegistry()
    {
        Mirror.Add("cache/library/sample", _image, "1.0");
        Mirror.Behaviour.CutDownloadsAfter = 100_000;
        Mirror.Behaviour.Cuts = 1;
        int requests = 0;
        Mirror.Intercept("GET", "/blobs/", 9, async (context, answer) =>
        {
            if (Interlocked.Increment(ref requests) > 1)
            {
                context.Response.StatusCode = 500;
                return;
            }

            await answer();
        });

        Assert.Equal(_image[Layer], await Repository().ReadAllAsync(Layer));

        Assert.Equal("bytes=100000-", Assert.Single(Origin.Requests).Range);
        Assert.Single(_fixture.Progress.Of<MirrorSkipped>());
    }

    [Fact]
    public async Task Open_MirrorHasAnotherSize_GoesOn()
    {
        Mirror.Repository("cache/library/sample").Blobs[Layer.Digest] = [1, 2, 3];

        Assert.Equal(_image[Layer], await Repository().ReadAllAsync(Layer));
    }

    [Fact]
    public async Task Fetch_MirrorHasADamagedManifest_GoesOn()
    {
        Mirror.Repository("cache/library/sample").Manifests[_image.Manifest.Digest] = (MediaTypes.OciManifest, [.. _image[_image.Manifest], (byte)' ']);

        FetchedManifest? fetched = await Repository().FetchManifestAsync(_image.Manifest.Digest.ToString(), Cancellation);

        Assert.Equal(_image[_image.Manifest], fetched?.Content.ToArray());
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    public async Task Pull_MirrorLetsUsNotIn_IsNotAskedAgain(int status)
    {
        Mirror.Answer("HEAD", "/", times: 99, status);
        Mirror.Answer("GET", "/", times: 99, status);
        RegistryRepository repository = Repository();

        Assert.NotNull(await repository.ResolveAsync("1.0", Cancellation));
        int asked = Mirror.Requests.Count;
        Assert.Equal(_image[Layer], await repository.ReadAllAsync(Layer));

        Assert.Equal(asked, Mirror.Requests.Count);
    }

    [Fact]
    public async Task Pull_MirrorIsDown_IsLeftAfterAFewAttemptsForGood()
    {
        RegistryRepository repository = Repository("127.0.0.1:1");

        Assert.NotNull(await repository.ResolveAsync("1.0", Cancellation));
        Assert.Equal(_image[Layer], await repository.ReadAllAsync(Layer));

        Assert.Equal("cannot reach 127.0.0.1:1: connection refused", Assert.Single(_fixture.Progress.Of<MirrorSkipped>()).Reason);
        Assert.Single(_fixture.Time.Delays);
    }

    [Fact]
    public async Task Pull_MirrorAndRegistryFail_IsTheRegistrysError()
    {
        Origin.Answer("GET", "/blobs/", times: 9, status: 403);

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => Repository().ReadAllAsync(Layer));

        Assert.Equal(403, (int?)error.Status);
    }

    [Fact]
    public async Task Push_WithMirror_GoesToTheRegistryAlone()
    {
        await SampleImage.Create(seed: 4).WriteToAsync(Repository(), "4.0", Cancellation);

        Assert.Empty(Mirror.Requests);
        Assert.True(Origin.Repository("library/sample").Tags.ContainsKey("4.0"));
    }

    [Fact]
    public async Task Repository_RegistryIsBlocked_IsTheError()
    {
        RegistryClient client = _fixture.Client(_fixture.Options with { Routing = new BlockedRouting() });

        MicaException error = Assert.Throws<MicaException>(() => client.Repository(_fixture.Reference(), progress: null));

        Assert.Equal(ErrorKind.PermissionDenied, error.Kind);
        await Task.CompletedTask;
    }

    private RegistryRepository Repository(string? mirror = null) =>
        _fixture.Repository(_fixture.Options with { Routing = new MirrorRouting(mirror ?? Mirror.Host) });

    private sealed class MirrorRouting(string mirror) : IRegistryRouting
    {
        public IReadOnlyList<RegistryEndpoint> Endpoints(ImageReference reference, bool forPush)
        {
            RegistryEndpoint itself = DirectRouting.EndpointOf(reference.Domain, reference.Path, insecure: false);
            return forPush ? [itself] : [DirectRouting.EndpointOf(mirror, "cache/" + reference.Path, insecure: false) with { IsMirror = true }, itself];
        }
    }

    private sealed class BlockedRouting : IRegistryRouting
    {
        public IReadOnlyList<RegistryEndpoint> Endpoints(ImageReference reference, bool forPush) =>
            throw new MicaException(ErrorKind.PermissionDenied, $"{reference.Domain}: blocked by registries.conf");
    }
}
