using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>What RUN, CMD, ENTRYPOINT and HEALTHCHECK execute.</summary>
public abstract record CommandLine
{
    /// <summary>Nothing to execute.</summary>
    public abstract bool IsEmpty { get; }
}

/// <summary>Shell form: the text is the last argument of the shell.</summary>
/// <param name="Text">With the here-documents it announces behind it, for the shell to read.</param>
public sealed record ShellCommand(string Text) : CommandLine
{
    /// <inheritdoc/>
    public override bool IsEmpty => Text.Length == 0;
}

/// <summary>Exec form: run as it is, without a shell.</summary>
public sealed record ExecCommand(ImmutableArray<string> Words) : CommandLine
{
    /// <inheritdoc/>
    public override bool IsEmpty => Words.IsEmpty;
}

/// <summary>
/// <c>RUN &lt;&lt;NAME</c> and nothing else: the here-document is the script. With <c>#!</c> it is a file to execute, else the last
/// argument of the shell.
/// </summary>
public sealed record ScriptCommand(Heredoc Script) : CommandLine
{
    /// <inheritdoc/>
    public override bool IsEmpty => false;

    /// <summary>Whether the script names its interpreter.</summary>
    public bool IsFile => Script.Text.StartsWith("#!", StringComparison.Ordinal);
}
