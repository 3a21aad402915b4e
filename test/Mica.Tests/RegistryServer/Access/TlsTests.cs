using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Mica.RegistryServer;
using Mica.RegistryServer.Access;
using Mica.Tests.Registry;
using static Mica.Tests.RegistryServer.Access.AccessFixture;

namespace Mica.Tests.RegistryServer.Access;

public sealed class TlsTests
{
    [Fact]
    public async Task Certificate_Replaced_IsShownToTheNextConnection()
    {
        var time = new FakeTimeProvider();
        await using AccessFixture registry = await StartAsync([], (fixture, options) => options with { Time = time, Tls = Write(fixture, TestCertificates.CreateServer(TestCertificates.Authority)) });
        string before = await SerialAsync(registry);

        await File.WriteAllTextAsync(Path.Combine(registry.Directory, "cert.pem"), "half", TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(before, await SerialAsync(registry));
        X509Certificate2 next = TestCertificates.CreateServer(TestCertificates.Authority);
        Write(registry, next);
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(next.SerialNumber, await SerialAsync(registry));
        Assert.NotEqual(before, next.SerialNumber);
    }

    [Fact]
    public async Task Http2_IsSpoken_AndOldTlsIsNot()
    {
        await using AccessFixture registry = await StartAsync([], (fixture, options) => options with { Tls = Write(fixture, TestCertificates.CreateServer(TestCertificates.Authority)) });
        using HttpClient client = Client(null);
        using var request = new HttpRequestMessage(HttpMethod.Get, registry.Address + "v2/") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };

        using HttpResponseMessage response = await client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(HttpVersion.Version20, response.Version);
        Assert.Contains($"realm=\"{registry.Address}token\"", response.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        Assert.Equal("https", registry.Address.Scheme);
    }

    [Fact]
    public async Task ClientCertificate_OfTheAuthority_IsTheUserOfItsName()
    {
        await using AccessFixture registry = await StartAsync([Rule("alice", "**", Rights.Read)], (fixture, options) => options with { Tls = WithAuthority(fixture) });
        using HttpClient alice = Client(TestCertificates.CreateClient(TestCertificates.Authority));
        using HttpClient stranger = Client(TestCertificates.CreateClient(TestCertificates.OtherAuthority));
        using HttpClient nobody = Client(null);

        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(alice, registry, "v2/app/manifests/1"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(nobody, registry, "v2/app/manifests/1"));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => StatusAsync(stranger, registry, "v2/app/manifests/1"));
        using var answer = JsonDocument.Parse(await alice.GetStringAsync(registry.Address + "token?scope=repository:app:pull", TestContext.Current.CancellationToken));
        nobody.DefaultRequestHeaders.Authorization = new("Bearer", answer.RootElement.GetProperty("token").GetString());
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(nobody, registry, "v2/app/manifests/1"));
    }

    [Fact]
    public async Task ClientCertificate_ForServers_IsRefused()
    {
        await using AccessFixture registry = await StartAsync([], (fixture, options) => options with { Tls = WithAuthority(fixture) });
        using HttpClient client = Client(TestCertificates.CreateServer(TestCertificates.Authority));

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => StatusAsync(client, registry, "v2/"));
    }

    [Fact]
    public async Task ClientCertificate_Required_NobodyComesInWithoutOne()
    {
        await using AccessFixture registry = await StartAsync(
            [], (fixture, options) => options with { Access = null, Tls = WithAuthority(fixture) with { RequireClientCertificate = true } });
        using HttpClient alice = Client(TestCertificates.CreateClient(TestCertificates.Authority));
        using HttpClient nobody = Client(null);

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(alice, registry, "v2/"));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => StatusAsync(nobody, registry, "v2/"));
    }

    private static TlsOptions WithAuthority(AccessFixture fixture)
    {
        string authority = Path.Combine(fixture.Directory, "authority.pem");
        File.WriteAllText(authority, TestCertificates.Authority.ExportCertificatePem());
        return Write(fixture, TestCertificates.CreateServer(TestCertificates.Authority)) with { ClientAuthorityFile = authority };
    }

    private static TlsOptions Write(AccessFixture fixture, X509Certificate2 certificate)
    {
        string cert = Path.Combine(fixture.Directory, "cert.pem"), key = Path.Combine(fixture.Directory, "key.pem");
        File.WriteAllText(cert, certificate.ExportCertificatePem());
        File.WriteAllText(key, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        return new TlsOptions { CertificateFile = cert, KeyFile = key };
    }

    private static async Task<string> SerialAsync(AccessFixture registry)
    {
        string serial = "";
        using var client = new HttpClient(new SocketsHttpHandler
        {
            SslOptions =
            {
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                {
                    serial = certificate!.GetSerialNumberString();
                    return TestCertificates.IsSignedBy((X509Certificate2)certificate, TestCertificates.Authority);
                },
            },
        });
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(client, registry, "v2/"));
        return serial;
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, AccessFixture registry, string path)
    {
        using HttpResponseMessage response = await client.GetAsync(registry.Address + path, TestContext.Current.CancellationToken);
        return response.StatusCode;
    }

    private static HttpClient Client(X509Certificate2? certificate) => new(new SocketsHttpHandler
    {
        SslOptions = new SslClientAuthenticationOptions
        {
            ClientCertificates = certificate is null ? null : [certificate],
            LocalCertificateSelectionCallback = certificate is null ? null : (_, _, _, _, _) => certificate,
            RemoteCertificateValidationCallback = static (_, shown, _, _) => TestCertificates.IsSignedBy((X509Certificate2)shown!, TestCertificates.Authority),
            EnabledSslProtocols = SslProtocols.None,
        },
    });
}
