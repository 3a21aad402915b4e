using System.CommandLine;

namespace Mica.Cli.CommandLine;

/// <summary>
/// An option with what the help and completion say of it. <paramref name="ValueName"/> is null for a flag;
/// <paramref name="Choices"/> are values that completion offers.
/// </summary>
internal sealed record CliOption(
    Option Symbol, string? ValueName, string Description, Completes Completes, string[] Choices, bool Initially)
{
    public string Name => Symbol.Name;

    /// <summary>Such as <c>-q</c>; null when there is none.</summary>
    public string? Shorthand => Symbol.Aliases.FirstOrDefault();

    public bool IsFlag => ValueName is null;

    public static Option<bool> Flag(string name, string? shorthand, bool initially = false) => new(name, Aliases(shorthand))
    {
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = result => result.Tokens is not [.., var last] || ParseBoolean(last.Value) == true,
        DefaultValueFactory = initially ? _ => true : null,
    };

    public static Option<string?> Text(string name, string? shorthand) => new(name, Aliases(shorthand))
    {
        // Given twice, the last one counts, as everywhere; the parser by itself would refuse it.
        Arity = ArgumentArity.OneOrMore,
        CustomParser = result => result.Tokens is [.., var last] ? last.Value : null,
    };

    public static Option<string[]> Texts(string name, string? shorthand) => new(name, Aliases(shorthand))
    {
        Arity = ArgumentArity.OneOrMore,
        CustomParser = result => [.. result.Tokens.Select(token => token.Value)],
    };

    /// <summary>The words that Go's flags take for true and false; null for others.</summary>
    public static bool? ParseBoolean(string text) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => null,
    };

    private static string[] Aliases(string? shorthand) => shorthand is null ? [] : [shorthand];
}
