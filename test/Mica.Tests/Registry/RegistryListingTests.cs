using System.Collections.Immutable;
using System.Text;
using Mica.Oci;
using Mica.Registry;
using Mica.Tests.Oci;

namespace Mica.Tests.Registry;

public sealed class RegistryListingTests : IAsyncLifetime
{
    private readonly RegistryFixture _fixture = new();
    private readonly SampleImage _image = SampleImage.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private TestRegistry Registry => _fixture.Registry;

    private TestRepository Stored => Registry.Repository("library/sample");

    public async ValueTask InitializeAsync()
    {
        await _fixture.InitializeAsync();
        Registry.Add("library/sample", _image, "1.0");
    }

    public async ValueTask DisposeAsync() => await _fixture.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Tags_ManyPages_AreAllRead(bool absolute)
    {
        string[] tags = [.. Enumerable.Range(0, 25).Select(number => $"v{number:00}")];
        foreach (string tag in tags)
        {
            Stored.Tags[tag] = _image.Manifest.Digest;
        }

        Registry.Behaviour.PageSize = 10;
        Registry.Behaviour.AbsoluteLinks = absolute;

        Assert.Equal(["1.0", .. tags], await TagsAsync());
        Assert.Equal("?n=1000", Registry.Requests.First().Query);
        Assert.Equal(3, Registry.Requests.Count);
    }

    [Fact]
    public async Task Tags_LinkLoops_Ends()
    {
        Registry.Behaviour.LinkLoops = true;

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(TagsAsync);

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.EndsWith($"the list of tags from {Registry.Host} does not end", error.Message, StringComparison.Ordinal);
        Assert.True(Registry.Requests.Count <= 3);
    }

    [Fact]
    public async Task Tags_LinkToAnotherHost_IsNotFollowed()
    {
        Registry.Answer("GET", "/tags/list", times: 1, status: 200, """{"name":"x","tags":["a"]}""", ("Link", "<http://127.0.0.1:1/v2/x>; rel=\"next\""));

        await Assert.ThrowsAsync<RegistryException>(TagsAsync);
    }

    [Theory]
    [InlineData("//127.0.0.1:1/v2/x")]
    [InlineData("//[x")]
    public async Task Tags_LinkThatBeginsWithTwoSlashes_IsAPathOfTheRegistry(string path)
    {
        string address = Registry.Address.GetLeftPart(UriPartial.Authority);
        Registry.Answer("GET", "/tags/list", times: 1, status: 200, """{"name":"x","tags":["a"]}""", ("Link", $"<{address}{path}>; rel=\"next\""));

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(TagsAsync);

        Assert.Equal(ErrorKind.NotFound, error.Kind);
        Assert.Equal(2, Registry.Requests.Count);
    }

    [Theory]
    [InlineData("""{"name":"x","tags":null}""")]
    [InlineData("""{"name":"x"}""")]
    [InlineData("""{"name":"x","tags":[]}""")]
    public async Task Tags_None_IsEmpty(string body)
    {
        Registry.Answer("GET", "/tags/list", times: 1, status: 200, body);

        Assert.Empty(await TagsAsync());
    }

    [Theory]
    [InlineData("""{"tags":["../../etc"]}""")]
    [InlineData("""{"tags":["a\u001b[31m"]}""")]
    [InlineData("""{"tags":[5]}""")]
    [InlineData("""["a"]""")]
    [InlineData("nonsense")]
    public async Task Tags_Malformed_IsRefused(string body)
    {
        Registry.Answer("GET", "/tags/list", times: 1, status: 200, body);

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(TagsAsync);

        Assert.Equal(ErrorKind.ContentMismatch, error.Kind);
        Assert.DoesNotContain('\u001b', error.Message);
    }

    [Fact]
    public async Task Tags_UnknownRepository_IsNotFound()
    {
        RegistryException error = await Assert.ThrowsAsync<RegistryException>(async () =>
        {
            await foreach (string tag in _fixture.Repository(path: "no/such").TagsAsync(Cancellation))
            {
                Assert.Fail(tag);
            }
        });

        Assert.Equal($"{Registry.Host}/no/such: not found in {Registry.Host} (repository name not known to registry)", error.Message);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, false)]
    public async Task Referrers_OfAnImage_AreListedAndFiltered(bool api, bool filter)
    {
        Registry.Behaviour.Referrers = api;
        Registry.Behaviour.ReferrersFilter = filter;
        RegistryRepository repository = _fixture.Repository();

        Descriptor signature = await AttachAsync(repository, "application/vnd.test.signature");
        Descriptor bill = await AttachAsync(repository, "application/vnd.test.sbom");

        Assert.Equal(
            new[] { signature.Digest, bill.Digest }.Order(DigestOrder),
            (await repository.ReferrersAsync(_image.Manifest.Digest, artifactType: null, Cancellation)).Select(one => one.Digest).Order(DigestOrder));
        Descriptor found = Assert.Single(await repository.ReferrersAsync(_image.Manifest.Digest, "application/vnd.test.sbom", Cancellation));
        Assert.Equal(bill.Digest, found.Digest);
        Assert.Equal("application/vnd.test.sbom", found.ArtifactType);
        Assert.Equal("yes", found.Annotations?["test"]);
    }

    [Fact]
    public async Task Referrers_None_IsEmpty()
    {
        Assert.Empty(await _fixture.Repository().ReferrersAsync(_image.Manifest.Digest, artifactType: null, Cancellation));
        Registry.Behaviour.Referrers = false;
        Assert.Empty(await _fixture.Repository().ReferrersAsync(_image.Manifest.Digest, artifactType: null, Cancellation));
    }

    [Fact]
    public async Task Write_WithSubjectAndNoApi_KeepsTheFallbackTag()
    {
        Registry.Behaviour.Referrers = false;
        RegistryRepository repository = _fixture.Repository();

        Descriptor signature = await AttachAsync(repository, "application/vnd.test.signature");
        await AttachAsync(repository, "application/vnd.test.signature");

        Digest tagged = Stored.Tags[$"sha256-{_image.Manifest.Digest.Hex}"];
        ImageIndex index = ImageIndex.Parse(Stored.Manifests[tagged].Content, MediaTypes.OciIndex);
        Assert.Equal(signature.Digest, Assert.Single(index.Manifests).Digest);
    }

    [Fact]
    public async Task Write_WithSubjectAndApi_NeedsNoTag()
    {
        await AttachAsync(_fixture.Repository(), "application/vnd.test.signature");

        Assert.Equal(["1.0"], Stored.Tags.Keys);
    }

    [Fact]
    public async Task DeleteManifest_WithSubjectAndNoApi_LeavesTheFallbackTag()
    {
        Registry.Behaviour.Referrers = false;
        RegistryRepository repository = _fixture.Repository();
        Descriptor signature = await AttachAsync(repository, "application/vnd.test.signature");

        await repository.DeleteManifestAsync(signature.Digest, Cancellation);

        Assert.False(Stored.Manifests.ContainsKey(signature.Digest));
        Assert.Empty(await repository.ReferrersAsync(_image.Manifest.Digest, artifactType: null, Cancellation));
    }

    [Fact]
    public async Task Delete_Things_AreGone()
    {
        RegistryRepository repository = _fixture.Repository();

        await repository.DeleteTagAsync("1.0", Cancellation);
        await repository.DeleteBlobAsync(_image.Layers[0].Digest, Cancellation);
        await repository.DeleteManifestAsync(_image.Manifest.Digest, Cancellation);

        Assert.Empty(Stored.Tags);
        Assert.Empty(Stored.Manifests);
        Assert.False(Stored.Blobs.ContainsKey(_image.Layers[0].Digest));
    }

    [Fact]
    public async Task Delete_NotAllowed_SaysSo()
    {
        Registry.Behaviour.Deletes = false;

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => _fixture.Repository().DeleteTagAsync("1.0", Cancellation));

        Assert.Equal(ErrorKind.Unsupported, error.Kind);
        Assert.Equal($"{Registry.Host}/library/sample:1.0: {Registry.Host} does not allow deleting: The operation is unsupported.", error.Message);
    }

    [Fact]
    public async Task Delete_Unknown_IsNotFound()
    {
        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => _fixture.Repository().DeleteTagAsync("2.0", Cancellation));

        Assert.Equal(ErrorKind.NotFound, error.Kind);
    }

    [Fact]
    public async Task Delete_WithTokens_AsksForTheRight()
    {
        Registry.Auth = new TestAuth();

        await _fixture.Repository().DeleteTagAsync("1.0", Cancellation);

        Assert.Contains("%3Adelete%2Cpull", Assert.Single(Registry.Seen("GET", "/token")).Query, StringComparison.Ordinal);
    }

    private static Comparer<Digest> DigestOrder { get; } = Comparer<Digest>.Create((left, right) => string.CompareOrdinal(left.ToString(), right.ToString()));

    private async Task<List<string>> TagsAsync()
    {
        List<string> tags = [];
        await foreach (string tag in _fixture.Repository().TagsAsync(Cancellation))
        {
            tags.Add(tag);
        }

        return tags;
    }

    private async Task<Descriptor> AttachAsync(RegistryRepository repository, string artifactType)
    {
        byte[] empty = Encoding.UTF8.GetBytes("{}");
        Descriptor config = Descriptor.Of(MediaTypes.OciEmpty, empty);
        await repository.WriteAsync(config, new MemoryStream(empty), Cancellation);
        byte[] manifest = new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            ArtifactType = artifactType,
            Config = config,
            Layers = [config],
            Subject = _image.Manifest,
            Annotations = ImmutableSortedDictionary<string, string>.Empty.Add("test", "yes"),
        }.ToJson();
        Descriptor descriptor = Descriptor.Of(MediaTypes.OciManifest, manifest);
        await repository.WriteAsync(descriptor, new MemoryStream(manifest), Cancellation);
        return descriptor;
    }
}
