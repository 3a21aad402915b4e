using Mica.Oci;
using Mica.Runtime;

namespace Mica.Build;

/// <summary>A step of a build failed: the sentence, the Dockerfile's lines, and the last of what the step wrote.</summary>
public sealed class StepFailedException(string message, string excerpt, string output, int? exitCode, Exception? inner)
    : MicaException(ErrorKind.Failed, message, inner)
{
    /// <summary>The step, as BuildKit shows it: <c>[build 2/4] RUN make</c>.</summary>
    public required string StepName { get; init; }

    /// <summary>A shell where the step failed; null where there is none, and when the build is over.</summary>
    public StepShell? Shell { get; init; }

    /// <summary>The step's lines in the Dockerfile, with their numbers.</summary>
    public string Excerpt { get; } = excerpt;

    /// <summary>The last lines that the command wrote.</summary>
    public string Output { get; } = output;

    /// <summary>The command's exit code; null when there was no command or it did not end by itself.</summary>
    public int? ExitCode { get; } = exitCode;
}

/// <summary>A shell in what a failed step left, with its mounts, environment, user and working directory, on the terminal of this process.</summary>
/// <param name="Program">The shell's path.</param>
/// <param name="RunAsync">Runs it to its end.</param>
public sealed record StepShell(string Program, Func<CancellationToken, Task<ContainerExit>> RunAsync);
