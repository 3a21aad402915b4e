using Mica.Cli.CommandLine;

namespace Mica.Cli.Completion;

/// <summary>A word that could stand where the cursor is, and what it is.</summary>
internal readonly record struct Candidate(string Word, string Description);

/// <summary>
/// What could come next on an unfinished command line. The shells' scripts ask for it by the hidden command
/// <c>mica __complete WORD…</c>, whose last word is the one at the cursor.
/// </summary>
internal static class CompletionQuery
{
    /// <summary>What the scripts take for "complete names of files".</summary>
    public const string Files = ":files";

    private static readonly string[] s_platforms =
        ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/386", "linux/ppc64le", "linux/riscv64", "linux/s390x"];

    /// <summary>The candidates that begin with the last of <paramref name="words"/>.</summary>
    /// <param name="root">The command tree.</param>
    /// <param name="words">What stands behind <c>mica</c>.</param>
    /// <param name="names">Names of what is in the store: images, containers, volumes or networks.</param>
    public static async Task<IEnumerable<Candidate>> RunAsync(CommandEntry root, string[] words, Func<Completes, Task<IEnumerable<string>>> names)
    {
        string current = words.Length == 0 ? "" : words[^1];
        CommandEntry entry = Walk(root, words.AsSpan(0, Math.Max(0, words.Length - 1)), out string? pending, out bool ended);
        CliCommand? command = entry.Create?.Invoke();
        CliOption[] options = [.. command?.Options ?? [], .. new GlobalOptionSet().Options];
        if (pending is not null && Find(options, pending) is { IsFlag: false } option)
        {
            return Matching(current, await ValuesAsync(option.Completes, option.Choices, names));
        }

        int equals = current.IndexOf('=', StringComparison.Ordinal);
        if (!ended && current.StartsWith("--", StringComparison.Ordinal) && equals > 0 && Find(options, current[..equals]) is { IsFlag: false } assigned)
        {
            IEnumerable<Candidate> values = await ValuesAsync(assigned.Completes, assigned.Choices, names);
            return Matching(current, values.Select(value => value with { Word = $"{assigned.Name}={value.Word}" }));
        }

        if (!ended && current.StartsWith('-'))
        {
            return Matching(current, options.OrderBy(known => known.Name, StringComparer.Ordinal)
                .Select(known => new Candidate(known.Name, known.Description.Split('\n')[0])));
        }

        IEnumerable<Candidate> children = entry.Children.Where(child => !child.IsHidden)
            .Select(child => new Candidate(child.Name, child.Summary.Split('\n')[0]));
        return Matching(current, command is null ? children : [.. children, .. await ValuesAsync(command.Completes, [], names)]);
    }

    /// <summary>
    /// The command that the words before the cursor name. <paramref name="pending"/>: the last of them, when it is an option
    /// and may want a value; <paramref name="ended"/>: a <c>--</c> was among them.
    /// </summary>
    private static CommandEntry Walk(CommandEntry root, ReadOnlySpan<string> words, out string? pending, out bool ended)
    {
        CommandEntry entry = root;
        pending = null;
        ended = false;
        bool hasArguments = false;
        foreach (string word in words)
        {
            bool isValue = pending is not null && TakesValue(entry, pending);
            pending = null;
            if (isValue || ended)
            {
                continue;
            }

            if (word == "--")
            {
                ended = true;
            }
            else if (word.StartsWith('-'))
            {
                pending = word.Contains('=', StringComparison.Ordinal) ? null : word;
            }
            else if (!hasArguments && entry.Find(word) is { } child)
            {
                entry = child;
            }
            else
            {
                hasArguments = entry != root || word != "help";
            }
        }

        return entry;
    }

    private static bool TakesValue(CommandEntry entry, string word) => GlobalOptionSet.TakesNextWord(word)
        || (entry.Create?.Invoke() is { } command && Find([.. command.Options], word) is { IsFlag: false });

    private static CliOption? Find(CliOption[] options, string word) =>
        Array.Find(options, option => option.Name == word || (option.Shorthand is { } shorthand && shorthand == word));

    private static async Task<IEnumerable<Candidate>> ValuesAsync(Completes completes, string[] choices, Func<Completes, Task<IEnumerable<string>>> names) =>
        completes switch
        {
            Completes.Files => [new Candidate(Files, "")],
            Completes.Images or Completes.Containers or Completes.Volumes or Completes.Networks =>
                (await names(completes)).Select(name => new Candidate(name, completes.ToString()[..^1].ToLowerInvariant())),
            Completes.Platforms => s_platforms.Select(platform => new Candidate(platform, "")),
            _ => choices.Select(choice => new Candidate(choice, "")),
        };

    private static IEnumerable<Candidate> Matching(string current, IEnumerable<Candidate> candidates) =>
        candidates.Where(candidate => candidate.Word == Files || candidate.Word.StartsWith(current, StringComparison.Ordinal));
}
