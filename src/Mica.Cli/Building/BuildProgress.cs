using Mica.Build;
using Mica.Cli.CommandLine;
using Mica.Cli.Hosting;

namespace Mica.Cli.Building;

/// <summary>Shows a build while it runs, in BuildKit's look. Events may come from any thread and are taken in at once.</summary>
internal abstract class BuildProgress : IProgress<BuildEvent>, IDisposable
{
    /// <inheritdoc/>
    public abstract void Report(BuildEvent value);

    /// <summary>Shows the last state. Nothing may be reported after it.</summary>
    public virtual void Dispose()
    {
    }

    /// <summary>On standard error, so that an image ID or an archive can go to standard output.</summary>
    public static BuildProgress Start(Invocation invocation, bool quiet)
    {
        CliHost host = invocation.Host;
        return (quiet ? ProgressMode.Quiet : invocation.Globals.Progress) switch
        {
            ProgressMode.Quiet => new QuietBuildProgress(),
            ProgressMode.Json => new JsonBuildProgress(host.Error, host.Time),
            ProgressMode.Terminal => Terminal(host),
            ProgressMode.Auto when host.IsErrorTerminal => Terminal(host),
            _ => new PlainBuildProgress(host.Error, host.Time),
        };
    }

    private static TerminalBuildProgress Terminal(CliHost host) =>
        new(host.Error, host.TerminalSize, host.IsErrorTerminal && !host.Environment.NoColor, host.Time);
}

/// <summary>Shows nothing.</summary>
internal sealed class QuietBuildProgress : BuildProgress
{
    public override void Report(BuildEvent value)
    {
    }
}
