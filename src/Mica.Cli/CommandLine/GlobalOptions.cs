using System.CommandLine;
using Mica.Oci;

namespace Mica.Cli.CommandLine;

/// <summary>How progress is shown.</summary>
internal enum ProgressMode
{
    /// <summary>Bars on a terminal, plain lines otherwise.</summary>
    Auto,
    Terminal,
    Plain,
    Json,
    Quiet,
}

/// <summary>The values of the options that every command has.</summary>
internal sealed record GlobalOptions(string? Root, bool Debug, ProgressMode Progress, bool Version)
{
    public static GlobalOptions Default { get; } = new(null, false, ProgressMode.Auto, false);
}

/// <summary>The options that every command has.</summary>
internal sealed class GlobalOptionSet
{
    private readonly Option<string?> _root = CliOption.Text("--root", null);
    private readonly Option<bool> _debug = CliOption.Flag("--debug", null);
    private readonly Option<string?> _progress = CliOption.Text("--progress", null);
    private readonly Option<bool> _version = CliOption.Flag("--version", null);

    /// <param name="hasShortHelp">False where <c>-h</c> is the command's own.</param>
    public GlobalOptionSet(bool hasShortHelp = true)
    {
        Help = CliOption.Flag("--help", hasShortHelp ? "-h" : null);
        Options =
        [
            new CliOption(_debug, null, "Say more when something fails", Completes.Nothing, [], false),
            new CliOption(Help, null, "Print this help", Completes.Nothing, [], false),
            new CliOption(_progress, "string", "How to show progress: auto, tty, plain, json or quiet (default auto)",
                Completes.Nothing, ["auto", "tty", "plain", "json", "quiet"], false),
            new CliOption(_root, "dir", "Directory of the store (default $MICA_ROOT, or /var/lib/mica for root and ~/.local/share/mica for others)",
                Completes.Files, [], false),
            new CliOption(_version, null, "Print the version", Completes.Nothing, [], false),
        ];
    }

    public Option<bool> Help { get; }

    public IReadOnlyList<CliOption> Options { get; }

    /// <summary>Whether <paramref name="word"/> is a global option whose value is the word after it.</summary>
    public static bool TakesNextWord(string word) => word is "--root" or "--progress";

    public void AddTo(Command command)
    {
        foreach (CliOption option in Options)
        {
            // A command's own -v or --version goes first.
            if (!command.Options.Any(own => own.Name == option.Name))
            {
                command.Add(option.Symbol);
            }
        }
    }

    /// <exception cref="UsageException">A value is not one of those there are.</exception>
    public GlobalOptions Read(string path, ParseResult result)
    {
        string? progress = result.GetValue(_progress);
        return new GlobalOptions(result.GetValue(_root), result.GetValue(_debug), Version: result.GetValue(_version), Progress: progress switch
        {
            null or "auto" => ProgressMode.Auto,
            "tty" => ProgressMode.Terminal,
            "plain" => ProgressMode.Plain,
            "json" or "rawjson" => ProgressMode.Json,
            "quiet" or "none" => ProgressMode.Quiet,
            _ => throw new UsageException(path,
                $"invalid argument \"{Printable.Of(progress)}\" for \"--progress\" flag: must be auto, tty, plain, json or quiet"),
        });
    }
}
