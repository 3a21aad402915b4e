using Mica.Build;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Cli.Building;

/// <summary>Shows why a step failed, and opens a shell there: <c>--on-fail=shell</c>.</summary>
internal sealed class FailureShell(TextWriter error, BuildProgress progress)
{
    private bool _shown;

    /// <summary>Builds; a failure that was shown before its shell is told in one line now.</summary>
    public async Task<T> WatchAsync<T>(Func<Task<T>> build)
    {
        try
        {
            return await build();
        }
        catch (StepFailedException failure) when (_shown)
        {
            throw new MicaException(ErrorKind.Failed, $"{BuildFailureText.Solve}{failure.Message}", failure);
        }
    }

    /// <summary>Returns when the user has left the shell.</summary>
    public async Task OpenAsync(StepFailedException failure, CancellationToken cancellationToken)
    {
        if (failure.Shell is not { } shell)
        {
            return;
        }

        progress.Dispose();
        error.Write(BuildFailureText.Of(failure));
        error.Write($"mica: {Printable.Of(shell.Program)} in what the failed step left; leave it to end the build\n");
        error.Flush();
        _shown = true;
        ContainerExit exit = await shell.RunAsync(cancellationToken);
        if (exit.StartFailure is { } reason)
        {
            error.Write($"mica: no shell: {reason}\n");
        }
    }
}
