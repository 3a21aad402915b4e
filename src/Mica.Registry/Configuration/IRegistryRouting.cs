using Mica.Oci;

namespace Mica.Registry;

/// <summary>Which endpoints serve a reference: <c>registries.conf</c>, or nothing but the registry that the name says.</summary>
public interface IRegistryRouting
{
    /// <summary>
    /// The endpoints in the order to try them: mirrors first, the registry itself last. Never empty. A push
    /// (<paramref name="forPush"/>) never goes to a mirror; mirrors that serve only digests, or only tags, are left out when
    /// <paramref name="reference"/> is the other.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.PermissionDenied"/>: the registry is blocked.</exception>
    IReadOnlyList<RegistryEndpoint> Endpoints(ImageReference reference, bool forPush);
}
