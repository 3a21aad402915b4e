using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;

namespace Mica.Registry;

/// <summary>The certificates for one registry host, as <c>certs.d/HOST</c> holds them. The registry client does not dispose them.</summary>
public sealed record RegistryCertificates
{
    /// <summary>Nothing beyond the system's authorities.</summary>
    public static RegistryCertificates None { get; } = new();

    /// <summary>Authorities that are trusted for this host beside the system's.</summary>
    public ImmutableArray<X509Certificate2> Authorities { get; init; } = [];

    /// <summary>Certificates with their private keys that we show when the registry asks for one.</summary>
    public ImmutableArray<X509Certificate2> Client { get; init; } = [];
}
