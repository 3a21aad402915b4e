using System.Text;
using Mica.Oci;
using Mica.Registry;
using Mica.Tests.Oci;

namespace Mica.Tests.Registry;

public sealed class RegistryResolveTests : IAsyncLifetime
{
    private readonly RegistryFixture _fixture = new();
    private readonly SampleImage _image = SampleImage.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private TestRegistry Registry => _fixture.Registry;

    public async ValueTask InitializeAsync()
    {
        await _fixture.InitializeAsync();
        Registry.Add("library/sample", _image, "1.0");
    }

    public async ValueTask DisposeAsync() => await _fixture.DisposeAsync();

    [Fact]
    public async Task Resolve_Tag_IsOneHead()
    {
        Descriptor? found = await _fixture.Repository().ResolveAsync("1.0", Cancellation);

        Assert.Equal(_image.Manifest.Digest, found?.Digest);
        SeenRequest request = Assert.Single(Registry.Requests);
        Assert.Equal("HEAD", request.Method);
        Assert.Equal(string.Join(", ", MediaTypes.AcceptedManifests), request.Headers["Accept"]);
        Assert.Equal("mica/1.2.3", request.Headers["User-Agent"]);
    }

    [Fact]
    public async Task Fetch_ThenOpen_IsOneGet()
    {
        RegistryRepository repository = _fixture.Repository();

        FetchedManifest? fetched = await repository.FetchManifestAsync("1.0", Cancellation);
        byte[] content = await repository.ReadDocumentAsync(fetched!.Descriptor, Cancellation);

        Assert.Equal(_image[_image.Manifest], content);
        Assert.Equal(_image[_image.Manifest], fetched.Content.ToArray());
        Assert.Equal("GET", Assert.Single(Registry.Requests).Method);
    }

    [Fact]
    public async Task Resolve_HeadRefused_Gets()
    {
        Registry.Behaviour.HeadManifests = false;
        RegistryRepository repository = _fixture.Repository();

        Descriptor? found = await repository.ResolveAsync("1.0", Cancellation);
        await repository.ReadDocumentAsync(found!, Cancellation);

        Assert.Equal(_image.Manifest.Digest, found!.Digest);
        Assert.Equal(["HEAD", "GET"], Registry.Requests.Select(request => request.Method));
    }

    [Fact]
    public async Task Resolve_NoDigestHeader_ComputesIt()
    {
        Registry.Behaviour.DigestHeader = false;

        Descriptor? found = await _fixture.Repository().ResolveAsync("1.0", Cancellation);

        Assert.Equal(_image.Manifest, found);
    }

    [Fact]
    public async Task Resolve_MediaTypeIsNotSaid_IsSniffed()
    {
        byte[] content = _image[_image.Manifest];
        Registry.Repository("library/sample").Manifests[_image.Manifest.Digest] = ("application/octet-stream", content);

        Assert.Equal(MediaTypes.OciManifest, (await _fixture.Repository().ResolveAsync("1.0", Cancellation))?.MediaType);
    }

    [Fact]
    public async Task Fetch_HeaderSaysAnotherDigest_Fails()
    {
        Registry.Behaviour.WrongDigestHeader = Digest.Of("other"u8).ToString();

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(async () => await _fixture.Repository().FetchManifestAsync("1.0", Cancellation));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.Contains("library/sample:1.0: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resolve_DigestGetsAnother_Fails()
    {
        Registry.Behaviour.WrongDigestHeader = Digest.Of("other"u8).ToString();

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await _fixture.Repository().ResolveAsync(_image.Manifest.Digest.ToString(), Cancellation));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
    }

    [Fact]
    public async Task Fetch_ServerKnowsOnlySha256OfASha512_VerifiesWhatWasAsked()
    {
        byte[] content = _image[_image.Manifest];
        Digest asked = TestRegistryProtocol.DigestOf(Digest.Sha512, content);
        Registry.Repository("library/sample").Manifests[asked] = (MediaTypes.OciManifest, content);
        Registry.Behaviour.WrongDigestHeader = _image.Manifest.Digest.ToString();

        FetchedManifest? fetched = await _fixture.Repository().FetchManifestAsync(asked.ToString(), Cancellation);

        Assert.Equal(asked, fetched?.Descriptor.Digest);
    }

    [Fact]
    public async Task Fetch_Schema1_IsRefusedByName()
    {
        byte[] content = Encoding.UTF8.GetBytes("""{"schemaVersion":1,"name":"library/sample","tag":"old","fsLayers":[]}""");
        Digest digest = Digest.Of(content);
        Registry.Repository("library/sample").Manifests[digest] = (MediaTypes.DockerSchema1Signed, content);
        Registry.Repository("library/sample").Tags["old"] = digest;

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(async () => await _fixture.Repository().ResolveAsync("old", Cancellation));

        Assert.Equal(ErrorKind.Unsupported, error.Kind);
        Assert.StartsWith($"{Registry.Host}/library/sample:old: docker image manifest version 2, schema 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fetch_TooBig_Fails()
    {
        byte[] content = new byte[ManifestDocument.MaxSize + 1];
        Digest digest = Digest.Of(content);
        Registry.Repository("library/sample").Manifests[digest] = (MediaTypes.OciManifest, content);

        MicaException error = await Assert.ThrowsAnyAsync<MicaException>(
            async () => await _fixture.Repository().FetchManifestAsync(digest.ToString(), Cancellation));

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
    }

    [Theory]
    [InlineData("../../other/manifests/1.0")]
    [InlineData("a/b")]
    [InlineData("")]
    [InlineData("a?b")]
    public async Task Resolve_NoTag_IsRefusedUnasked(string reference)
    {
        MicaException error = await Assert.ThrowsAnyAsync<MicaException>(async () => await _fixture.Repository().ResolveAsync(reference, Cancellation));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Empty(Registry.Requests);
    }

    [Fact]
    public async Task Resolve_RateLimit_IsReportedOnce()
    {
        Registry.Behaviour.RateLimit = (100, 76);
        RegistryRepository repository = _fixture.Repository();

        await repository.ResolveAsync("1.0", Cancellation);
        await repository.FetchManifestAsync("1.0", Cancellation);

        Assert.Equal(new RateLimitSeen(Registry.Host, 100, 76, TimeSpan.FromHours(6)), Assert.Single(_fixture.Progress.Of<RateLimitSeen>()));
    }

    [Fact]
    public async Task NotFound_Unknown_SaysWhatAndWhere()
    {
        Assert.Equal($"{Registry.Host}/library/sample:nope: not found in {Registry.Host} (manifest unknown)",
            _fixture.Repository().NotFound("nope").Message);
        await Task.CompletedTask;
    }
}
