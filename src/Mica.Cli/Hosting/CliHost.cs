using System.Text;
using Mica.Cli.CommandLine;
using Mica.Cli.Progress;
using Mica.Runtime;
using Microsoft.Win32.SafeHandles;

namespace Mica.Cli.Hosting;

/// <summary>What surrounds a command: standard streams, terminal, environment, clock. Tests put their own in place.</summary>
internal sealed record CliHost
{
    private const int OutputBuffer = 16 * 1024;

    public required CliEnvironment Environment { get; init; }

    /// <summary>Standard output as text. Flushed when the command ends, and by progress at once.</summary>
    public required TextWriter Output { get; init; }

    /// <summary>Standard error as text.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Opens standard output for bytes, such as an archive.</summary>
    public required Func<Stream> OpenOutput { get; init; }

    /// <summary>Opens standard error for bytes.</summary>
    public required Func<Stream> OpenError { get; init; }

    /// <summary>Opens standard input.</summary>
    public required Func<Stream> OpenInput { get; init; }

    /// <summary>Reads a line without showing it; null at the end of input.</summary>
    public required Func<string?> ReadSecret { get; init; }

    public required bool IsInputTerminal { get; init; }

    public required bool IsOutputTerminal { get; init; }

    public required bool IsErrorTerminal { get; init; }

    public required Func<TerminalSize> TerminalSize { get; init; }

    /// <summary>The process is root, and not in a container that keeps it from mounting.</summary>
    public required bool IsSuperuser { get; init; }

    /// <summary>Becomes the same command in a user namespace, or returns when there is none to be had; null in tests.</summary>
    public Action<UserNamespaceUse, string, string?>? EnterUserNamespace { get; init; }

    /// <summary>The path of this program, by which it calls itself; null in tests.</summary>
    public string? Program { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Colours are for terminals whose user has not declined them.</summary>
    public bool UsesColor => IsOutputTerminal && !Environment.NoColor;

    /// <summary>The real surroundings. <see cref="Console"/>'s own writers are left alone: they cost start-up time.</summary>
    public static CliHost OfProcess() => new()
    {
        Environment = CliEnvironment.Read(System.Environment.GetEnvironmentVariable),
        Output = new StreamWriter(OpenStandardOutput(), Utf8(), OutputBuffer) { NewLine = "\n" },
        Error = new StreamWriter(Console.OpenStandardError(), Utf8(), 256) { NewLine = "\n", AutoFlush = true },
        OpenOutput = OpenStandardOutput,
        OpenError = Console.OpenStandardError,
        OpenInput = Console.OpenStandardInput,
        ReadSecret = ReadSecretFromTerminal,
        IsInputTerminal = !Console.IsInputRedirected,
        IsOutputTerminal = !Console.IsOutputRedirected,
        IsErrorTerminal = !Console.IsErrorRedirected,
        TerminalSize = () => new TerminalSize(Console.WindowWidth, Console.WindowHeight),
        IsSuperuser = RuntimeProbe.IsSuperuser && System.Environment.GetEnvironmentVariable(UserNamespace.MarkerVariable) is null,
        EnterUserNamespace = UserNamespaceEntry.Enter,
        Program = System.Environment.ProcessPath,
    };

    private static UTF8Encoding Utf8() => new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>
    /// The console's stream hides that the reader of a pipe has gone, so that an archive would be written to the end for
    /// nobody; a file stream throws. But a file stream writes to a file at its own position and leaves the shell's behind.
    /// </summary>
    private static Stream OpenStandardOutput()
    {
        var stream = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return stream.CanSeek ? Console.OpenStandardOutput() : stream;
    }

    private static string? ReadSecretFromTerminal()
    {
        var secret = new StringBuilder();
        while (true)
        {
            ConsoleKeyInfo key = Console.ReadKey(intercept: true);
            switch (key.Key)
            {
                case ConsoleKey.Enter:
                    return secret.ToString();
                case ConsoleKey.Backspace when secret.Length > 0:
                    secret.Length--;
                    break;
                case ConsoleKey.D when key.Modifiers == ConsoleModifiers.Control && secret.Length == 0:
                    return null;
                default:
                    if (!char.IsControl(key.KeyChar))
                    {
                        secret.Append(key.KeyChar);
                    }

                    break;
            }
        }
    }
}
