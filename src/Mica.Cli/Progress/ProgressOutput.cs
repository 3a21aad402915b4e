using Mica.Oci;

namespace Mica.Cli.Progress;

/// <summary>
/// Shows an operation while it runs. Events may come from any thread and are taken in at once (a state change under a
/// lock); lines are the command's own and keep their place among the events.
/// </summary>
internal abstract class ProgressOutput : IProgress<ProgressEvent>, IDisposable
{
    /// <inheritdoc/>
    public abstract void Report(ProgressEvent value);

    /// <summary>
    /// Writes a line that stays. With an <paramref name="id"/> it is docker's <c>id: status</c>.
    /// </summary>
    public abstract void Line(string status, string? id = null);

    /// <summary>Writes what the command was run for; unlike a line it is there in quiet mode too.</summary>
    public virtual void Result(string text) => Line(text);

    /// <summary>Shows the last state. Nothing may be reported after it.</summary>
    public virtual void Dispose()
    {
    }
}

/// <summary>Shows nothing but results: <c>-q</c> and <c>--progress quiet</c>.</summary>
internal sealed class QuietProgress(TextWriter output) : ProgressOutput
{
    public override void Report(ProgressEvent value)
    {
    }

    public override void Line(string status, string? id = null)
    {
    }

    public override void Result(string text) => output.Write(text + "\n");
}
