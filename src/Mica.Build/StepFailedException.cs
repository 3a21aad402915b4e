using Mica.Oci;

namespace Mica.Build;

/// <summary>A step of a build failed: the sentence, the Dockerfile's lines, and the last of what the step wrote.</summary>
public sealed class StepFailedException(string message, string excerpt, string output, int? exitCode, Exception? inner)
    : MicaException(ErrorKind.Failed, message, inner)
{
    /// <summary>The step's lines in the Dockerfile, with their numbers.</summary>
    public string Excerpt { get; } = excerpt;

    /// <summary>The last lines that the command wrote.</summary>
    public string Output { get; } = output;

    /// <summary>The command's exit code; null when there was no command or it did not end by itself.</summary>
    public int? ExitCode { get; } = exitCode;
}
