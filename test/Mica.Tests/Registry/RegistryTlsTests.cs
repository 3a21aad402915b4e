using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Mica.Oci;
using Mica.Registry;
using Mica.Tests.Oci;

namespace Mica.Tests.Registry;

public sealed class RegistryTlsTests
{
    private static readonly SampleImage s_image = SampleImage.Create();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Resolve_AuthorityIsConfigured_IsTrustedOverHttp2()
    {
        await using RegistryFixture fixture = await StartAsync(TestCertificates.CreateServer(TestCertificates.Authority));

        RegistryRepository repository = fixture.Repository(Trusting(fixture, TestCertificates.Authority));
        await repository.ResolveAsync("1.0", Cancellation);
        await repository.ReadAllAsync(s_image.Layers[1]);

        Assert.Equal(["HTTP/2", "HTTP/1.1"], fixture.Registry.Requests.Select(request => request.Protocol));
    }

    [Fact]
    public async Task Resolve_AnotherAuthority_SaysWhyAndWhatToDo()
    {
        await using RegistryFixture fixture = await StartAsync(TestCertificates.CreateServer(TestCertificates.OtherAuthority));

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await fixture.Repository(Trusting(fixture, TestCertificates.Authority)).ResolveAsync("1.0", Cancellation));

        string host = fixture.Registry.Host;
        Assert.Equal(ErrorKind.Unavailable, error.Kind);
        Assert.Equal($"cannot reach {host}: its certificate is signed by an unknown authority; trust its authority by a file certs.d/{host}/ca.crt,"
            + " or set insecure = true for it in registries.conf", error.Message);
        Assert.Empty(fixture.Time.Delays);
    }

    [Fact]
    public async Task Resolve_Expired_SaysSo()
    {
        await using RegistryFixture fixture = await StartAsync(TestCertificates.CreateServer(TestCertificates.Authority, expired: true));

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await fixture.Repository(Trusting(fixture, TestCertificates.Authority)).ResolveAsync("1.0", Cancellation));

        Assert.StartsWith($"cannot reach {fixture.Registry.Host}: its certificate is valid from ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resolve_OtherName_SaysWhich()
    {
        await using RegistryFixture fixture = await StartAsync(TestCertificates.CreateServer(TestCertificates.Authority, "registry.test"));

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await fixture.Repository(Trusting(fixture, TestCertificates.Authority)).ResolveAsync("1.0", Cancellation));

        Assert.StartsWith($"cannot reach {fixture.Registry.Host}: its certificate is for other names (registry.test)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resolve_LoopbackWithoutConfiguration_IsNotVerified()
    {
        await using RegistryFixture fixture = await StartAsync(TestCertificates.CreateServer(TestCertificates.OtherAuthority));

        Assert.NotNull(await fixture.Repository().ResolveAsync("1.0", Cancellation));
    }

    [Fact]
    public async Task Resolve_AuthorityIsConfiguredButNoTls_SaysSoAndSendsNothingPlain()
    {
        await using RegistryFixture fixture = await StartAsync(certificate: null);

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await fixture.Repository(Trusting(fixture, TestCertificates.Authority)).ResolveAsync("1.0", Cancellation));

        Assert.Equal($"cannot reach {fixture.Registry.Host}: it does not speak TLS; if plain http is meant, set insecure = true for it in registries.conf", error.Message);
        Assert.Empty(fixture.Registry.Requests);
    }

    [Fact]
    public async Task Resolve_InsecureIsConfigured_FallsBackToHttp()
    {
        await using RegistryFixture fixture = await StartAsync(certificate: null);
        RegistryClientOptions options = Trusting(fixture, TestCertificates.Authority) with { Routing = new InsecureRouting() };

        Assert.NotNull(await fixture.Repository(options).ResolveAsync("1.0", Cancellation));
    }

    [Fact]
    public async Task Resolve_ClientCertificateIsConfigured_IsShown()
    {
        await using RegistryFixture fixture = await StartAsync(
            TestCertificates.CreateServer(TestCertificates.Authority), clientAuthority: TestCertificates.OtherAuthority);
        RegistryCertificates certificates = new()
        {
            Authorities = ImmutableArray.Create(TestCertificates.Authority),
            Client = ImmutableArray.Create(TestCertificates.CreateClient(TestCertificates.OtherAuthority)),
        };

        Assert.NotNull(await fixture.Repository(fixture.Options with { Certificates = _ => certificates }).ResolveAsync("1.0", Cancellation));
    }

    [Fact]
    public async Task Resolve_ClientCertificateIsMissing_Fails()
    {
        await using RegistryFixture fixture = await StartAsync(
            TestCertificates.CreateServer(TestCertificates.Authority), clientAuthority: TestCertificates.OtherAuthority);

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await fixture.Repository(Trusting(fixture, TestCertificates.Authority)).ResolveAsync("1.0", Cancellation));

        Assert.Equal(ErrorKind.Unavailable, error.Kind);
        Assert.StartsWith($"cannot reach {fixture.Registry.Host}: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_RedirectFromHttpsToHttp_IsNotFollowed()
    {
        await using RegistryFixture fixture = await StartAsync(TestCertificates.CreateServer(TestCertificates.Authority));
        await using TestRegistry store = await TestRegistry.StartAsync();
        fixture.Registry.Behaviour.Store = store;

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            () => fixture.Repository(Trusting(fixture, TestCertificates.Authority)).ReadAllAsync(s_image.Layers[1]));

        Assert.EndsWith($"redirects from https to plain http ({store.Host}), which is not followed", error.Message, StringComparison.Ordinal);
        Assert.Empty(store.Requests);
    }

    [Fact]
    public async Task Token_RealmIsPlainHttp_GetsNoCredentials()
    {
        await using RegistryFixture fixture = await StartAsync(TestCertificates.CreateServer(TestCertificates.Authority));
        await using TestRegistry tokens = await TestRegistry.StartAsync();
        fixture.Registry.Auth = new TestAuth { Realm = $"{tokens.Address}token" };
        RegistryClientOptions options = Trusting(fixture, TestCertificates.Authority) with
        {
            Credentials = new FixedCredential(new Credential { Username = "alice", Password = "s3cret" }),
        };

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(async () => await fixture.Repository(options).ResolveAsync("1.0", Cancellation));

        Assert.EndsWith($"wants the credentials sent over plain http to {tokens.Host}, which is not done", error.Message, StringComparison.Ordinal);
        Assert.Empty(tokens.Requests);
    }

    [Fact]
    public async Task Write_LocationWithHttpOfTheSameHost_StaysOnHttps()
    {
        await using RegistryFixture fixture = await StartAsync(TestCertificates.CreateServer(TestCertificates.Authority));
        fixture.Registry.Behaviour.LocationPrefix = $"http://{fixture.Registry.Host}";
        RegistryRepository repository = fixture.Repository(Trusting(fixture, TestCertificates.Authority), "library/other");

        await s_image.WriteToAsync(repository, "1.0", Cancellation);

        Assert.Equal(s_image.Manifest.Digest, fixture.Registry.Repository("library/other").Tags["1.0"]);
    }

    [Fact]
    public async Task Write_LocationWithHttpOfAnotherHost_IsNotFollowed()
    {
        await using RegistryFixture fixture = await StartAsync(TestCertificates.CreateServer(TestCertificates.Authority));
        await using TestRegistry other = await TestRegistry.StartAsync();
        fixture.Registry.Behaviour.LocationPrefix = $"http://{other.Host}";

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(async () =>
            await fixture.Repository(Trusting(fixture, TestCertificates.Authority), "library/other")
                .WriteAsync(s_image.Layers[1], new MemoryStream(s_image[s_image.Layers[1]]), Cancellation));

        Assert.Contains($"sends the upload to http://{other.Host}, which is not followed", error.Message, StringComparison.Ordinal);
        Assert.Empty(other.Requests);
    }

    [Fact]
    public async Task Resolve_NobodyListens_SaysConnectionRefused()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        string host = probe.LocalEndpoint.ToString()!;
        probe.Stop();
        var time = new FakeTimeProvider { SkipDelays = true };
        await using var client = new RegistryClient(new RegistryClientOptions { Time = time });

        RegistryException error = await Assert.ThrowsAsync<RegistryException>(
            async () => await client.Repository(ImageReference.Parse($"{host}/x"), progress: null).ResolveAsync("latest", Cancellation));

        Assert.Equal($"cannot reach {host}: connection refused", error.Message);
        Assert.Equal(ErrorKind.Unavailable, error.Kind);
        Assert.Single(time.Delays);
    }

    private static async Task<RegistryFixture> StartAsync(X509Certificate2? certificate, X509Certificate2? clientAuthority = null)
    {
        var fixture = new RegistryFixture { Certificate = certificate, ClientAuthority = clientAuthority };
        await fixture.InitializeAsync();
        fixture.Registry.Add("library/sample", s_image, "1.0");
        return fixture;
    }

    private static RegistryClientOptions Trusting(RegistryFixture fixture, X509Certificate2 authority) => fixture.Options with
    {
        Certificates = _ => new RegistryCertificates { Authorities = ImmutableArray.Create(authority) },
    };

    private sealed class InsecureRouting : IRegistryRouting
    {
        public IReadOnlyList<RegistryEndpoint> Endpoints(ImageReference reference, bool forPush) =>
            [DirectRouting.EndpointOf(reference.Domain, reference.Path, insecure: true)];
    }
}
