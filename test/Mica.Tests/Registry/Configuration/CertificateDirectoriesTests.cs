using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mica.Oci;
using Mica.Registry;

namespace Mica.Tests.Registry.Configuration;

public sealed class CertificateDirectoriesTests : IDisposable
{
    private readonly ConfigurationDirectory _home = new();
    private readonly List<IDisposable> _owned = [];

    private CertificateDirectories Directories => new([_home.At("user"), _home.At("system")]);

    public void Dispose()
    {
        _owned.ForEach(each => each.Dispose());
        _home.Dispose();
    }

    [Fact]
    public void Find_NoDirectory_IsNone()
    {
        Directory.CreateDirectory(_home.At("system/other.example"));

        Assert.Same(RegistryCertificates.None, Directories.Find("r.example"));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../system")]
    [InlineData("r.example/../other")]
    public void Find_HostThatIsAPath_IsNone(string host)
    {
        _home.Write("system/ca.crt", Certificate("ca").ExportCertificatePem());

        Assert.Same(RegistryCertificates.None, Directories.Find(host));
    }

    [Fact]
    public void Find_Authorities_ReadsPemBundlesAndDer()
    {
        string bundle = Certificate("one").ExportCertificatePem() + "\n# comment\n" + Certificate("two").ExportCertificatePem();
        _home.Write("system/r.example:5000/bundle.crt", bundle);
        File.WriteAllBytes(_home.Write("system/r.example:5000/der.crt", ""), Certificate("three").RawData);
        _home.Write("system/r.example:5000/README", "not a certificate");

        RegistryCertificates found = Directories.Find("r.example:5000");

        Assert.Equal(["CN=one", "CN=two", "CN=three"], found.Authorities.Select(each => each.Subject));
        Assert.Empty(found.Client);
        Assert.Same(RegistryCertificates.None, Directories.Find("r.example"));
    }

    [Theory]
    [InlineData("pkcs8")]
    [InlineData("pkcs1")]
    [InlineData("ec")]
    public void Find_ClientPair_HasItsKey(string form)
    {
        X509Certificate2 certificate = form == "ec" ? Certificate("client") : RsaCertificate();
        string key = form switch
        {
            "pkcs1" => certificate.GetRSAPrivateKey()!.ExportRSAPrivateKeyPem(),
            "pkcs8" => certificate.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem(),
            _ => certificate.GetECDsaPrivateKey()!.ExportECPrivateKeyPem(),
        };
        _home.Write("user/r.example/client.cert", certificate.ExportCertificatePem());
        _home.Write("user/r.example/client.key", key);

        X509Certificate2 found = Assert.Single(Directories.Find("r.example").Client);

        Assert.Equal(certificate.Thumbprint, found.Thumbprint);
        Assert.True(found.HasPrivateKey);
    }

    [Fact]
    public void Find_BothDirectoriesHaveTheHost_FirstCounts()
    {
        _home.Write("user/r.example/ca.crt", Certificate("user").ExportCertificatePem());
        _home.Write("system/r.example/ca.crt", Certificate("system").ExportCertificatePem());

        Assert.Equal(["CN=user"], Directories.Find("r.example").Authorities.Select(each => each.Subject));
    }

    [Fact]
    public void Find_CertificateWithoutKey_SaysWhichIsMissing()
    {
        string path = _home.Write("system/r.example/client.cert", Certificate("client").ExportCertificatePem());

        Assert.Equal($"{path}: the key client.key for this client certificate is missing (an authority's certificate ends in .crt)", Error().Message);
    }

    [Fact]
    public void Find_KeyWithoutCertificate_SaysWhichIsMissing()
    {
        string path = _home.Write("system/r.example/client.key", Certificate("client").GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());

        Assert.Equal($"{path}: the client certificate client.cert for this key is missing", Error().Message);
    }

    [Fact]
    public void Find_KeyOfAnother_SaysSo()
    {
        string path = _home.Write("system/r.example/client.cert", Certificate("client").ExportCertificatePem());
        _home.Write("system/r.example/client.key", Certificate("other").GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());

        Assert.Equal($"{path}: not a certificate in PEM that client.key is the key of", Error().Message);
    }

    [Fact]
    public void Find_EncryptedKey_SaysSo()
    {
        X509Certificate2 certificate = Certificate("client");
        var parameters = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000);
        _home.Write("system/r.example/client.cert", certificate.ExportCertificatePem());
        string path = _home.Write("system/r.example/client.key", certificate.GetECDsaPrivateKey()!.ExportEncryptedPkcs8PrivateKeyPem("hunter2", parameters));

        Assert.Equal($"{path}: the key is encrypted; a registry's client key must be without a passphrase", Error().Message);
    }

    [Theory]
    [InlineData("", "not a certificate in PEM or DER")]
    [InlineData("garbage", "not a certificate in PEM or DER")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a certificate in PEM or DER")]
    [InlineData("-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n", "has no certificate")]
    public void Find_AuthorityIsNoCertificate_NamesTheFile(string content, string problem)
    {
        string path = _home.Write("system/r.example/ca.crt", content);

        Assert.Equal($"{path}: {problem}", Error().Message);
    }

    private MicaException Error() => Assert.Throws<MicaException>(() => Directories.Find("r.example"));

    private X509Certificate2 Certificate(string name)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _owned.Add(key);
        return Sign(new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256));
    }

    private X509Certificate2 RsaCertificate()
    {
        var key = RSA.Create(2048);
        _owned.Add(key);
        return Sign(new CertificateRequest("CN=rsa", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    private X509Certificate2 Sign(CertificateRequest request)
    {
        X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        _owned.Add(certificate);
        return certificate;
    }
}
