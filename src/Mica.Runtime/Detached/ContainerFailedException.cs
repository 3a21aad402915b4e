using Mica.Oci;

namespace Mica.Runtime;

/// <summary>A container's program cannot be run.</summary>
/// <param name="exitCode">127 when there is no such program, 126 when it cannot be executed.</param>
/// <param name="reason">What the runtime says.</param>
public sealed class ContainerFailedException(int exitCode, string reason)
    : MicaException(exitCode == 127 ? ErrorKind.NotFound : ErrorKind.InvalidArgument, $"failed to create task for container: {Printable.Of(reason)}")
{
    /// <summary>What a shell would exit with.</summary>
    public int ExitCode => exitCode;
}
