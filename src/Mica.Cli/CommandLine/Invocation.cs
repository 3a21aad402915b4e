using System.CommandLine;
using Mica.Cli.Hosting;
using Mica.Cli.Progress;
using Mica.Oci;

namespace Mica.Cli.CommandLine;

/// <summary>One run of a command: the values it was given and what surrounds it.</summary>
internal sealed class Invocation(CliHost host, ParsedCommandLine line)
{
    public CliHost Host { get; } = host;

    public GlobalOptions Globals { get; } = line.Globals;

    public string[] Arguments { get; } = line.Arguments;

    /// <summary>Standard output as text.</summary>
    public TextWriter Output => Host.Output;

    public DateTimeOffset Now => Host.Time.GetUtcNow();

    /// <summary>The store's directory.</summary>
    /// <exception cref="MicaException">Nothing says where it is.</exception>
    public string Root => Path.GetFullPath(Globals.Root ?? Host.Environment.StoreRoot(Host.IsSuperuser)
        ?? throw new MicaException(ErrorKind.InvalidArgument, "no directory for the store: HOME is not set; give --root or set MICA_ROOT"));

    public T? Value<T>(Option<T> option) => line.Options is null ? default : line.Options.GetValue(option);

    /// <summary>Whether the option was on the command line.</summary>
    public bool IsGiven(Option option) => line.Options?.GetResult(option) is { Implicit: false };

    /// <summary>The value of a <c>--platform</c>; null when it was not given.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a platform.</exception>
    public Platform? PlatformOf(Option<string?> option) => Value(option) is { Length: > 0 } text ? Platform.Parse(text) : null;

    /// <summary>The same for commands that fetch, which heed <c>DOCKER_DEFAULT_PLATFORM</c> as docker's pull does.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a platform.</exception>
    public Platform? PlatformToFetch(Option<string?> option) =>
        PlatformOf(option) ?? (Host.Environment.DefaultPlatform is { } text ? Platform.Parse(text) : null);

    /// <summary>Fails as the command line's fault, with a pointer to the command's help.</summary>
    public UsageException Misuse(string message) => new(line.Path, message);

    /// <summary>
    /// Begins to show progress. Where standard output is for the result, it is shown on standard error
    /// (<paramref name="onError"/>), and of itself only on a terminal.
    /// </summary>
    public ProgressOutput StartProgress(ProgressWords words, bool quiet = false, bool onError = false)
    {
        TextWriter output = onError ? Host.Error : Host.Output;
        bool isTerminal = onError ? Host.IsErrorTerminal : Host.IsOutputTerminal;
        return (quiet ? ProgressMode.Quiet : Globals.Progress) switch
        {
            ProgressMode.Auto when onError && !isTerminal => new QuietProgress(output),
            ProgressMode.Quiet => new QuietProgress(output),
            ProgressMode.Json => new JsonProgress(output, words, Host.Time),
            ProgressMode.Terminal => new TerminalProgress(output, words, Host.TerminalSize, Host.Time),
            ProgressMode.Auto when isTerminal => new TerminalProgress(output, words, Host.TerminalSize, Host.Time),
            _ => new PlainProgress(output, words),
        };
    }

    /// <summary>
    /// Does the same with every argument, also after one has failed; then tells of the failures. Returns the exit code.
    /// </summary>
    /// <param name="action">What to do with an argument.</param>
    /// <param name="afterwards">Prints what came of it, before the failures are told.</param>
    public async Task<int> ForEachArgumentAsync(Func<string, Task> action, Action? afterwards = null)
    {
        var failures = new List<MicaException>();
        foreach (string argument in Arguments)
        {
            try
            {
                await action(argument);
            }
            catch (MicaException failure)
            {
                failures.Add(failure);
            }
        }

        afterwards?.Invoke();
        Output.Flush();
        foreach (MicaException failure in failures)
        {
            Host.Error.Write(Globals.Debug ? $"mica: {failure.Message}\n{failure}\n" : $"mica: {failure.Message}\n");
        }

        return failures.Count == 0 ? ExitCodes.Success : ExitCodes.Of(failures[0].Kind);
    }

    /// <summary>Asks on the terminal, as docker does before it removes much. Anything but yes is no.</summary>
    public bool Confirm(string warning)
    {
        Output.Write($"{warning}\nAre you sure you want to continue? [y/N] ");
        Output.Flush();
        using var input = new StreamReader(Host.OpenInput());
        return input.ReadLine()?.Trim().ToLowerInvariant() is "y" or "yes";
    }
}
