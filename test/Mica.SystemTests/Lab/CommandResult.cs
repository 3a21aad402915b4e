namespace Mica.SystemTests.Lab;

/// <summary>What a finished program left: its exit code (128 + n when signal n ended it) and what it printed.</summary>
public sealed record CommandResult(string CommandLine, int ExitCode, string Output, string Errors)
{
    /// <summary>The lines of standard output, without the empty one after the last.</summary>
    public string[] Lines => Output.TrimEnd('\n').Split('\n');

    /// <summary>Fails the test unless the program succeeded; the message shows what it said.</summary>
    public CommandResult Succeeded()
    {
        Assert.True(ExitCode == 0, $"{this}");
        return this;
    }

    public override string ToString() => $"{CommandLine}: exit {ExitCode}\n--- stdout\n{Output}--- stderr\n{Errors}";
}
