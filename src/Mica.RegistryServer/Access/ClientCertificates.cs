using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Access;

/// <summary>Users by client certificate. Whether its authority is trusted, the handshake has decided before.</summary>
internal static class ClientCertificates
{
    private const string CommonName = "2.5.4.3";

    /// <summary>The common name of the certificate; null when there is none, or it has not exactly one that can be a user's.</summary>
    public static string? NameOf(HttpContext context)
    {
        X509Certificate2? certificate = context.Connection.ClientCertificate;
        if (certificate is null)
        {
            return null;
        }

        string[] names =
        [
            .. certificate.SubjectName.EnumerateRelativeDistinguishedNames()
                .Where(part => !part.HasMultipleElements && part.GetSingleElementType().Value == CommonName)
                .Select(part => part.GetSingleElementValue() ?? ""),
        ];
        return names is [var name] && Principal.IsName(name) ? name : null;
    }
}
