using System.Collections.Immutable;
using System.CommandLine;

namespace Mica.Cli.CommandLine;

/// <summary>How many arguments a command takes.</summary>
internal readonly record struct ArgumentCount(int Least, int Most)
{
    public static ArgumentCount None => new(0, 0);

    public static ArgumentCount Any => new(0, int.MaxValue);

    public static ArgumentCount Exactly(int count) => new(count, count);

    public static ArgumentCount AtLeast(int count) => new(count, int.MaxValue);

    public static ArgumentCount AtMost(int count) => new(0, count);

    public static ArgumentCount Between(int least, int most) => new(least, most);

    /// <summary>Docker's sentence for a wrong count; null for a right one.</summary>
    public string? Complaint(int count)
    {
        if (count >= Least && count <= Most)
        {
            return null;
        }

        return (Least, Most) switch
        {
            (0, 0) => "accepts no arguments.",
            (1, 1) => "requires exactly 1 argument.",
            _ when Least == Most => $"requires exactly {Least} arguments.",
            (_, int.MaxValue) => $"requires at least {Least} argument{(Least == 1 ? "" : "s")}.",
            (0, _) => $"requires at most {Most} argument{(Most == 1 ? "" : "s")}.",
            _ => $"requires at least {Least} and at most {Most} arguments.",
        };
    }
}

/// <summary>When a command wants a user namespace.</summary>
internal enum UserNamespaceUse
{
    /// <summary>Never.</summary>
    None,

    /// <summary>Where the user has subordinate ids: it makes or removes files of several owners.</summary>
    ForOwners,

    /// <summary>Wherever one can be had: it runs containers.</summary>
    ForContainers,
}

/// <summary>What can stand at an argument or an option's value, for completion.</summary>
internal enum Completes
{
    Nothing,
    Files,
    Images,
    Platforms,
    Containers,
    Volumes,
    Networks,
}

/// <summary>
/// One command: its options, its texts, and what it does. A command reads its options, makes one call of the engine, and
/// renders what came back.
/// </summary>
internal abstract class CliCommand(string usage, string summary, ArgumentCount count)
{
    private readonly List<CliOption> _options = [];

    /// <summary>What follows the command's name in its usage line.</summary>
    public string Usage { get; } = usage;

    /// <summary>One line, as groups list it.</summary>
    public string Summary { get; } = summary;

    /// <summary>Further paragraphs of the help, for what the summary cannot say.</summary>
    public virtual string? Remarks => null;

    /// <summary>Command lines with what they do, for the help.</summary>
    public virtual ImmutableArray<(string CommandLine, string Explanation)> Examples => [];

    /// <summary>What the arguments are.</summary>
    public virtual Completes Completes => Completes.Nothing;

    /// <summary>Whether Ctrl-C is a request to stop in good order; a command that only reads is just ended.</summary>
    public virtual bool StopsInGoodOrder => false;

    /// <summary>Whether an ordinary user's run of it happens in a user namespace, where files can have owners.</summary>
    public virtual UserNamespaceUse UserNamespace => UserNamespaceUse.None;

    /// <summary>What follows the first argument is not looked at: it is the command line of another program.</summary>
    public virtual bool StopsAtFirstArgument => false;

    /// <summary>The exit code of everything that goes wrong before another program has one; null: that of the error.</summary>
    public virtual int? FailureCode => null;

    public ArgumentCount Count { get; } = count;

    public IReadOnlyList<CliOption> Options => _options;

    public abstract Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken);

    /// <summary>An option without a value, or with <c>=true</c> or <c>=false</c>.</summary>
    protected Option<bool> Flag(string name, string? shorthand, string description, bool initially = false)
    {
        Option<bool> option = CliOption.Flag(name, shorthand, initially);
        _options.Add(new CliOption(option, null, description, Completes.Nothing, [], initially));
        return option;
    }

    /// <summary>An option with a value; the last one counts.</summary>
    protected Option<string?> Text(
        string name, string? shorthand, string valueName, string description, Completes completes = Completes.Nothing, params string[] choices)
    {
        Option<string?> option = CliOption.Text(name, shorthand);
        _options.Add(new CliOption(option, valueName, description, completes, choices, false));
        return option;
    }

    /// <summary>An option that may be given many times.</summary>
    protected Option<string[]> Texts(string name, string? shorthand, string valueName, string description, params string[] choices)
    {
        Option<string[]> option = CliOption.Texts(name, shorthand);
        _options.Add(new CliOption(option, valueName, description, Completes.Nothing, choices, false));
        return option;
    }
}
