namespace Mica.Registry;

/// <summary>One place to ask for a repository: the registry itself or a mirror of it.</summary>
public sealed record RegistryEndpoint
{
    /// <summary>
    /// Scheme, host and port, and no path: <c>https://registry-1.docker.io</c>. With <c>https</c>, a loopback host and an
    /// <see cref="Insecure"/> one fall back to plain http when there is no TLS.
    /// </summary>
    public required Uri BaseAddress { get; init; }

    /// <summary>
    /// Host and port as users write it, <c>docker.io</c> for Docker Hub: the key of credentials and certificates, and the name
    /// in messages.
    /// </summary>
    public required string Host { get; init; }

    /// <summary>The repository's path there, rewritten where the configuration says so.</summary>
    public required string RepositoryPath { get; init; }

    /// <summary>Whether a failure here goes on to the next endpoint.</summary>
    public bool IsMirror { get; init; }

    /// <summary>Whether the certificate is not verified and plain http will do (<c>insecure = true</c>).</summary>
    public bool Insecure { get; init; }
}
