namespace Mica.RegistryServer;

/// <summary>TLS. Certificates are read again when their files change.</summary>
public sealed record TlsOptions
{
    /// <summary>The certificate with its chain, PEM.</summary>
    public required string CertificateFile { get; init; }

    /// <summary>Its private key, PEM.</summary>
    public required string KeyFile { get; init; }

    /// <summary>Authorities, PEM, of client certificates; whose certificate they signed is the user of its common name. Null: none are asked for.</summary>
    public string? ClientAuthorityFile { get; init; }

    /// <summary>Clients without a certificate are refused.</summary>
    public bool RequireClientCertificate { get; init; }
}

/// <summary>Where blobs are in a store that speaks S3.</summary>
public sealed record S3Options
{
    /// <summary>The bucket, which must exist.</summary>
    public required string Bucket { get; init; }

    /// <summary>The address of the store; null: Amazon's, by the region.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>The region that requests are signed for.</summary>
    public string Region { get; init; } = "us-east-1";

    /// <summary>What keys begin with, such as <c>registry/</c>.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>The access key; null: what the environment or the machine's role says.</summary>
    public string? AccessKey { get; init; }

    /// <summary>The file with the secret key.</summary>
    public string? SecretKeyFile { get; init; }

    /// <summary>Blobs of this size and more are answered with a redirect to a presigned address; null: never.</summary>
    public long? RedirectFrom { get; init; }
}

/// <summary>How many requests one client, by its name or its address, may make. Zero: any number.</summary>
public sealed record RateLimitOptions
{
    /// <summary>Requests in a second, on average.</summary>
    public int RequestsPerSecond { get; init; }

    /// <summary>Requests at once after a rest; zero: ten seconds' worth.</summary>
    public int Burst { get; init; }

    /// <summary>Passwords that may be wrong in a minute, for each address.</summary>
    public int FailedLoginsPerMinute { get; init; } = 30;
}
