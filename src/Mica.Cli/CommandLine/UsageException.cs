using Mica.Oci;

namespace Mica.Cli.CommandLine;

/// <summary>The command line cannot be understood. <paramref name="command"/>: the words up to the command it is about.</summary>
internal sealed class UsageException(string command, string message, string? hint = null)
    : MicaException(ErrorKind.InvalidArgument, message)
{
    /// <summary>Such as <c>mica image pull</c>.</summary>
    public string Command { get; } = command;

    /// <summary>Further lines: the usage, or what was probably meant.</summary>
    public string? Hint { get; } = hint;
}
