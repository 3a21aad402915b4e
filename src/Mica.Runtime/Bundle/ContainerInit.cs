using Mica.Oci;

namespace Mica.Runtime;

/// <summary>The small init that a container may have as its first process: a static program of the machine's.</summary>
internal static class ContainerInit
{
    /// <summary>Where the container sees it; docker's name.</summary>
    public const string Destination = "/sbin/docker-init";

    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: there is none.</exception>
    public static BindMount Mount(RuntimeOptions options) =>
        (options.FindProgram("catatonit") ?? options.FindProgram("tini-static") ?? options.FindProgram("docker-init")) is { } program
            ? new BindMount(program, Destination) { IsReadOnly = true }
            : throw new MicaException(ErrorKind.Unsupported, "no init for containers here: apt-get install catatonit (or tini)");
}
