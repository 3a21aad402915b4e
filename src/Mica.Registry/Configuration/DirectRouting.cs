using Mica.Oci;

namespace Mica.Registry;

/// <summary>Every registry is asked itself, over https: what happens when nothing is configured.</summary>
public sealed class DirectRouting : IRegistryRouting
{
    /// <summary>Where Docker Hub's registry really is.</summary>
    public const string DockerHubHost = "registry-1.docker.io";

    /// <inheritdoc/>
    public IReadOnlyList<RegistryEndpoint> Endpoints(ImageReference reference, bool forPush) =>
        [EndpointOf(reference.Domain, reference.Path, insecure: false)];

    /// <summary>The endpoint of the registry <paramref name="host"/> itself, Docker Hub's real address included.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: no host can have that name, or no port that number.</exception>
    public static RegistryEndpoint EndpointOf(string host, string repositoryPath, bool insecure) => new()
    {
        BaseAddress = Uri.TryCreate("https://" + (host == ImageReference.DefaultDomain ? DockerHubHost : host), UriKind.Absolute, out Uri? address)
            ? address
            : throw new MicaException(ErrorKind.InvalidArgument, $"\"{Printable.Of(host)}\" is not the address of a registry"),
        Host = host,
        RepositoryPath = repositoryPath,
        Insecure = insecure,
    };
}
