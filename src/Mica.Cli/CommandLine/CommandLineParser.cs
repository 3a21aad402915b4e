using System.CommandLine;
using System.CommandLine.Parsing;
using Mica.Oci;

namespace Mica.Cli.CommandLine;

/// <summary>
/// What a command line asks for: <paramref name="Path"/> are the words up to the command, such as <c>mica image pull</c>;
/// <paramref name="Command"/> is null for a group; <paramref name="Options"/> has the values of the command's own options.
/// With <paramref name="WantsHelp"/> nothing else counts.
/// </summary>
internal sealed record ParsedCommandLine(
    string Path, CommandEntry Entry, CliCommand? Command, ParseResult? Options, string[] Arguments, GlobalOptions Globals, bool WantsHelp);

/// <summary>
/// Reads a command line as docker's client does. The words of the command come first and are found here; the options of the
/// one command that was found, and the global ones, are System.CommandLine's to read.
/// </summary>
internal static class CommandLineParser
{
    private static readonly ParserConfiguration s_configuration = new() { ResponseFileTokenReplacer = null };

    /// <exception cref="UsageException">No such command or option, a value missing, or too few or too many arguments.</exception>
    /// <param name="root">The tree of all commands.</param>
    /// <param name="words">The command line without the program's name.</param>
    /// <param name="found">Is told which command is meant, before anything is complained of.</param>
    public static ParsedCommandLine Parse(CommandEntry root, IReadOnlyList<string> words, Action<CliCommand>? found = null)
    {
        var rest = new List<string>(words);
        CommandEntry entry = FindEntry(root, rest, out string path);
        if (entry.Create is null)
        {
            return ParseGroup(entry, path, rest);
        }

        CliCommand command = entry.Create();
        found?.Invoke(command);
        var globals = new GlobalOptionSet(hasShortHelp: command.Options.All(option => option.Shorthand != "-h"));
        CliOption[] options = [.. command.Options, .. globals.Options];
        string[] foreign = command.StopsAtFirstArgument ? TakeForeign(options, rest) : [];
        CheckFlagValues(path, options, rest);
        ParseResult result = Symbol(command, globals, out Argument<string[]> positional).Parse(BeforeDashes(rest), s_configuration);
        if (result.GetValue(globals.Help))
        {
            return new ParsedCommandLine(path, entry, command, result, [], GlobalOptions.Default, WantsHelp: true);
        }

        string[] arguments = result.GetValue(positional) ?? [];
        RequireKnownOptions(path, options, arguments);
        RequireValues(path, result);
        arguments = [.. arguments, .. AfterDashes(rest), .. foreign];
        if (command.Count.Complaint(arguments.Length) is { } complaint)
        {
            throw new UsageException(path, $"\"{path}\" {complaint}", $"{$"Usage:  {path} {command.Usage}".TrimEnd()}\n\n{command.Summary}");
        }

        return new ParsedCommandLine(path, entry, command, result, arguments, globals.Read(path, result), WantsHelp: false);
    }

    /// <summary>Takes the first argument and all behind it, which belongs to another program, out of <paramref name="rest"/>.</summary>
    private static string[] TakeForeign(CliOption[] options, List<string> rest)
    {
        int i = 0;
        while (i < rest.Count && rest[i].StartsWith('-') && rest[i] is not ("--" or "-"))
        {
            i += WantsNextWord(options, rest[i]) ? 2 : 1;
        }

        i = Math.Min(i, rest.Count);
        string[] foreign = [.. rest[(i < rest.Count && rest[i] == "--" ? i + 1 : i)..]];
        rest.RemoveRange(i, rest.Count - i);
        return foreign;
    }

    private static bool WantsNextWord(CliOption[] options, string word)
    {
        if (word.Contains('=', StringComparison.Ordinal))
        {
            return false;
        }

        if (word.StartsWith("--", StringComparison.Ordinal))
        {
            return options.FirstOrDefault(option => option.Name == word) is { IsFlag: false };
        }

        // -it is two flags; -p8080:80 has its value with it; the value of -itp is the next word.
        for (int i = 1; i < word.Length; i++)
        {
            if (options.FirstOrDefault(option => option.Shorthand is [_, var letter] && letter == word[i]) is { IsFlag: false })
            {
                return i == word.Length - 1;
            }
        }

        return false;
    }

    /// <summary>
    /// Follows the words that name commands, takes them out of <paramref name="rest"/>, and stops at the first that does not.
    /// Global options may stand between them.
    /// </summary>
    private static CommandEntry FindEntry(CommandEntry root, List<string> rest, out string path)
    {
        CommandEntry entry = root;
        path = root.Name;
        for (int i = 0; i < rest.Count && rest[i] != "--";)
        {
            string word = rest[i];
            if (word.StartsWith('-') && word.Length > 1)
            {
                if (entry.Create is null)
                {
                    RequireKnownOptions(path, new GlobalOptionSet().Options, [word]);
                }

                i += GlobalOptionSet.TakesNextWord(word) ? 2 : 1;
                continue;
            }

            CommandEntry? child = entry == root && word == "help" ? null : entry.Find(word);
            if (child is null)
            {
                if (entry == root && word == "help")
                {
                    rest[i] = "--help";
                    continue;
                }

                if (entry.Create is null)
                {
                    throw UnknownCommand(entry, path, word);
                }

                break;
            }

            rest.RemoveAt(i);
            path += " " + word;
            entry = child;
        }

        return entry;
    }

    private static ParsedCommandLine ParseGroup(CommandEntry entry, string path, List<string> rest)
    {
        var globals = new GlobalOptionSet();
        CheckFlagValues(path, globals.Options, rest);
        var symbol = new Command("group");
        globals.AddTo(symbol);
        var positional = new Argument<string[]>("words") { Arity = ArgumentArity.ZeroOrMore };
        symbol.Add(positional);
        ParseResult result = symbol.Parse(BeforeDashes(rest), s_configuration);
        RequireKnownOptions(path, globals.Options, result.GetValue(positional) ?? []);
        RequireValues(path, result);
        GlobalOptions read = globals.Read(path, result);
        return new ParsedCommandLine(path, entry, null, result, [], read, WantsHelp: !read.Version);
    }

    private static Command Symbol(CliCommand command, GlobalOptionSet globals, out Argument<string[]> positional)
    {
        var symbol = new Command("command");
        foreach (CliOption option in command.Options)
        {
            symbol.Add(option.Symbol);
        }

        globals.AddTo(symbol);
        positional = new Argument<string[]>("arguments") { Arity = ArgumentArity.ZeroOrMore };
        symbol.Add(positional);
        return symbol;
    }

    private static string[] BeforeDashes(List<string> words)
    {
        int dashes = words.IndexOf("--");
        return dashes < 0 ? [.. words] : [.. words[..dashes]];
    }

    private static string[] AfterDashes(List<string> words)
    {
        int dashes = words.IndexOf("--");
        return dashes < 0 ? [] : [.. words[(dashes + 1)..]];
    }

    /// <summary>The parser would take <c>--flag=maybe</c> for the flag and an argument.</summary>
    private static void CheckFlagValues(string path, IReadOnlyList<CliOption> options, List<string> words)
    {
        foreach (string word in words.TakeWhile(word => word != "--"))
        {
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && word[0] == '-' && options.FirstOrDefault(option => option.IsFlag && Is(option, word[..equals])) is { } flag
                && CliOption.ParseBoolean(word[(equals + 1)..]) is null)
            {
                string shown = flag.Shorthand is null ? flag.Name : $"{flag.Shorthand}, {flag.Name}";
                throw new UsageException(path, $"invalid argument \"{Printable.Of(word[(equals + 1)..])}\" for \"{shown}\" flag: neither true nor false");
            }
        }
    }

    /// <summary>To the parser an option that it does not know is an argument.</summary>
    private static void RequireKnownOptions(string path, IReadOnlyList<CliOption> options, string[] arguments)
    {
        string? unknown = arguments.FirstOrDefault(argument => argument.StartsWith('-') && argument.Length > 1
            && !options.Any(option => Is(option, argument.Split('=')[0])));
        if (unknown is null)
        {
            return;
        }

        if (unknown.StartsWith("--", StringComparison.Ordinal))
        {
            string name = unknown.Split('=')[0];
            string? near = Suggestion.For(name, options.Select(option => option.Name));
            throw new UsageException(path, $"unknown flag: {Printable.Of(name)}", near is null ? null : $"Did you mean '{near}'?");
        }

        char bad = unknown[1..].FirstOrDefault(c => !options.Any(option => option.Shorthand is [_, var letter] && letter == c), unknown[1]);
        throw new UsageException(path, $"unknown shorthand flag: '{Printable.Of(bad.ToString())}' in {Printable.Of(unknown)}");
    }

    private static void RequireValues(string path, ParseResult result)
    {
        foreach (ParseError error in result.Errors)
        {
            throw new UsageException(path, error.SymbolResult is OptionResult { Tokens.Count: 0 } option
                ? $"flag needs an argument: {option.IdentifierToken?.Value ?? option.Option.Name}"
                : Printable.Of(error.Message));
        }
    }

    private static bool Is(CliOption option, string word) => option.Name == word || option.Shorthand == word;

    private static UsageException UnknownCommand(CommandEntry group, string path, string word)
    {
        IEnumerable<string> known = group.Children.Where(child => !child.IsHidden).Select(child => child.Name);
        string? near = Suggestion.For(word, known);
        return new UsageException(path, $"'{Printable.Of(word)}' is not a {path} command.", near is null ? null : $"Did you mean '{path} {near}'?");
    }
}
