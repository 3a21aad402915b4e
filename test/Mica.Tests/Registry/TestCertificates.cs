using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mica.Tests.Registry;

/// <summary>A certificate authority for one test run, and what it signs.</summary>
public static class TestCertificates
{
    private static readonly DateTimeOffset s_from = TimeProvider.System.GetUtcNow().AddDays(-2);

    /// <summary>The authority that signs what a test registry shows.</summary>
    public static X509Certificate2 Authority { get; } = CreateAuthority("CN=Test Authority");

    /// <summary>Another one, that nobody trusts.</summary>
    public static X509Certificate2 OtherAuthority { get; } = CreateAuthority("CN=Other Authority");

    /// <summary>A server certificate for 127.0.0.1 and localhost, or for <paramref name="name"/> alone.</summary>
    public static X509Certificate2 CreateServer(X509Certificate2 authority, string? name = null, bool expired = false)
    {
        var names = new SubjectAlternativeNameBuilder();
        if (name is null)
        {
            names.AddIpAddress(IPAddress.Loopback);
        }

        names.AddDnsName(name ?? "localhost");
        return Create("CN=test registry", authority, names, "1.3.6.1.5.5.7.3.1", expired ? s_from.AddDays(1) : s_from.AddDays(30));
    }

    /// <summary>A certificate with its key that a client shows.</summary>
    public static X509Certificate2 CreateClient(X509Certificate2 authority) =>
        Create("CN=alice", authority, names: null, "1.3.6.1.5.5.7.3.2", s_from.AddDays(30));

    public static bool IsSignedBy(X509Certificate2 certificate, X509Certificate2 authority)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate);
    }

    private static X509Certificate2 CreateAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(s_from, s_from.AddDays(60));
    }

    private static X509Certificate2 Create(
        string subject, X509Certificate2 authority, SubjectAlternativeNameBuilder? names, string usage, DateTimeOffset until)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        if (names is not null)
        {
            request.CertificateExtensions.Add(names.Build());
        }

        byte[] serial = RandomNumberGenerator.GetBytes(8);
        using X509Certificate2 signed = request.Create(authority, s_from, until, serial);
        using X509Certificate2 withKey = signed.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }
}
