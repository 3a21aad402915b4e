using System.Collections.Immutable;
using Mica.Oci;
using Mica.Registry;
using Mica.Tests.Oci;

namespace Mica.Tests.Registry;

public sealed class RegistryForeignLayerTests : IAsyncLifetime
{
    private static readonly byte[] s_content = SampleImage.Bytes(5000, 1);

    private readonly RegistryFixture _fixture = new();
    private readonly RegistryFixture _elsewhere = new() { Certificate = TestCertificates.CreateServer(TestCertificates.Authority) };

    public async ValueTask InitializeAsync()
    {
        await _fixture.InitializeAsync();
        await _elsewhere.InitializeAsync();
        _elsewhere.Registry.Repository("store").Blobs[Digest.Of(s_content)] = s_content;
    }

    public async ValueTask DisposeAsync()
    {
        await _fixture.DisposeAsync();
        await _elsewhere.DisposeAsync();
    }

    [Fact]
    public async Task Open_NotInTheRegistry_ComesFromItsAddressAsNobody()
    {
        _fixture.Registry.Auth = new TestAuth();

        Assert.Equal(s_content, await Repository().ReadAllAsync(Layer(Address)));

        SeenRequest request = Assert.Single(_elsewhere.Registry.Requests);
        Assert.Null(request.Authorization);
    }

    [Fact]
    public async Task Open_InTheRegistry_ComesFromThere()
    {
        _fixture.Registry.Repository("library/sample").Blobs[Digest.Of(s_content)] = s_content;

        Assert.Equal(s_content, await Repository().ReadAllAsync(Layer(Address)));

        Assert.Empty(_elsewhere.Registry.Requests);
    }

    [Fact]
    public async Task Open_AddressWantsCredentials_GetsNone()
    {
        _elsewhere.Registry.Answer("GET", "/store/", times: 9, status: 401, "",
            ("WWW-Authenticate", $"Bearer realm=\"{_elsewhere.Registry.Address}token\",service=\"evil\""));

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(() => Repository().ReadAllAsync(Layer(Address)));

        Assert.Equal(ErrorKind.Unauthenticated, error.Kind);
        Assert.Single(_elsewhere.Registry.Requests);
    }

    [Fact]
    public async Task Open_FirstAddressFails_TriesTheNext()
    {
        Assert.Equal(s_content, await Repository().ReadAllAsync(Layer($"{_elsewhere.Registry.Address}nothing", Address)));
    }

    [Theory]
    [InlineData("http")]
    [InlineData("file")]
    public async Task Open_AddressIsNotHttps_IsNotAsked(string scheme)
    {
        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            () => Repository().ReadAllAsync(Layer(scheme + Address["https".Length..])));

        Assert.Equal(ErrorKind.NotFound, error.Kind);
        Assert.Empty(_elsewhere.Registry.Requests);
    }

    [Fact]
    public async Task Open_OrdinaryLayerWithAddresses_IsNotFetchedFromThem()
    {
        await Assert.ThrowsAsync<RegistryException>(() => Repository().ReadAllAsync(Layer(Address) with { MediaType = MediaTypes.OciLayerGzip }));

        Assert.Empty(_elsewhere.Registry.Requests);
    }

    private string Address => $"{_elsewhere.Registry.Address}store/{Digest.Of(s_content)}";

    private static Descriptor Layer(params string[] urls) =>
        Descriptor.Of(MediaTypes.DockerForeignLayer, s_content) with { Urls = [.. urls] };

    private RegistryRepository Repository() => _fixture.Repository(_fixture.Options with
    {
        Credentials = new FixedCredential(new Credential { Username = "alice", Password = "s3cret" }),
        Certificates = host => host == _elsewhere.Registry.Host
            ? new RegistryCertificates { Authorities = ImmutableArray.Create(TestCertificates.Authority) }
            : RegistryCertificates.None,
    });
}
