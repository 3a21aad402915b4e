namespace Mica.Cli.CommandLine;

/// <summary>
/// A word of the command tree: a command, a group of commands, or both (<c>tag A B</c> and <c>tag log</c>). Commands are made
/// only when they are wanted, since every start of the process would pay for all of them.
/// </summary>
internal sealed class CommandEntry(string name, Func<CliCommand>? create, params CommandEntry[] children)
{
    public string Name { get; } = name;

    /// <summary>Null for a pure group.</summary>
    public Func<CliCommand>? Create { get; } = create;

    public CommandEntry[] Children { get; } = children;

    /// <summary>Other names for the same.</summary>
    public string[] Aliases { get; init; } = [];

    /// <summary>What a pure group is, for the list it stands in.</summary>
    public string GroupSummary { get; init; } = "";

    /// <summary>The same command at another place, such as <c>image pull</c> for <c>pull</c>.</summary>
    public string? Twin { get; init; }

    public bool IsHidden { get; init; }

    public string Summary => Create?.Invoke().Summary ?? GroupSummary;

    public CommandEntry? Find(string word) =>
        Array.Find(Children, child => child.Name == word || Array.IndexOf(child.Aliases, word) >= 0);
}
