namespace Mica.Registry;

/// <summary>Where credentials are kept: the docker and containers files and the helper programs they name, or one in hand.</summary>
public interface ICredentialSource
{
    /// <summary>
    /// The credential for a registry, or null to go on without one. <paramref name="registryHost"/> is host and port as
    /// users write it, <c>docker.io</c> for Docker Hub; <paramref name="repositoryPath"/> such as <c>library/debian</c> lets
    /// a more specific entry win, and is empty when the registry as a whole is meant. Safe for concurrent use.
    /// </summary>
    /// <exception cref="Oci.MicaException">A file or a helper is there but does not work; its name is in the message.</exception>
    ValueTask<Credential?> FindAsync(string registryHost, string repositoryPath, CancellationToken cancellationToken);
}
