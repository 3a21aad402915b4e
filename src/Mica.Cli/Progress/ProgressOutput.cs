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

    /// <summary>Shows the last state. Nothing may be reported after it.</summary>
    public virtual void Dispose()
    {
    }
}

/// <summary>Shows nothing: <c>-q</c> and <c>--progress quiet</c>.</summary>
internal sealed class QuietProgress : ProgressOutput
{
    public override void Report(ProgressEvent value)
    {
    }

    public override void Line(string status, string? id = null)
    {
    }
}
