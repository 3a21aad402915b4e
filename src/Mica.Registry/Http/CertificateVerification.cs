using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>Whether a host's certificate is trusted: by the system's authorities, or by those configured for the host.</summary>
internal sealed class CertificateVerification(RegistryCertificates certificates)
{
    /// <summary>The callback of the TLS stream. Throws, so that the reason reaches the user, where it could only say no.</summary>
    /// <exception cref="CertificateRefusedException">Not trusted.</exception>
    public bool Verify(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None)
        {
            return true;
        }

        if (certificate is not X509Certificate2 shown || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
        {
            throw new CertificateRefusedException("it shows no certificate");
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            throw new CertificateRefusedException($"its certificate is for other names ({NamesOf(shown)})");
        }

        if (certificates.Authorities.IsEmpty)
        {
            throw new CertificateRefusedException(Reason(chain, shown));
        }

        using X509Chain own = CreateChain(chain);
        return own.Build(shown) ? true : throw new CertificateRefusedException(Reason(own, shown));
    }

    private X509Chain CreateChain(X509Chain? shown)
    {
        var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.AddRange(certificates.Authorities.ToArray());
        // The system's authorities are not here: with them the first verification would have gone through.
        foreach (X509ChainElement element in shown?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
        {
            chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        }

        if (shown is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(shown.ChainPolicy.ExtraStore);
        }

        return chain;
    }

    private static string Reason(X509Chain? chain, X509Certificate2 certificate)
    {
        X509ChainStatusFlags flags = (chain?.ChainStatus ?? []).Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);
        return flags.HasFlag(X509ChainStatusFlags.NotTimeValid)
            ? $"its certificate is valid from {certificate.NotBefore:yyyy-MM-dd} to {certificate.NotAfter:yyyy-MM-dd}"
            : flags.HasFlag(X509ChainStatusFlags.Revoked) ? "its certificate is revoked"
            : (flags & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain)) != 0
                ? "its certificate is signed by an unknown authority"
            : $"its certificate is not accepted ({flags})";
    }

    private static string NamesOf(X509Certificate2 certificate)
    {
        X509SubjectAlternativeNameExtension? names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault();
        IEnumerable<string> all = names is null ? [certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false)]
            : names.EnumerateDnsNames().Concat(names.EnumerateIPAddresses().Select(address => address.ToString()));
        return Printable.Of(string.Join(", ", all.Take(4)));
    }
}
