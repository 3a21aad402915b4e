using System.Diagnostics.CodeAnalysis;

namespace Mica.Dockerfile;

/// <summary>A <c># key=value</c> comment at the top of the file that speaks to the parser.</summary>
public sealed record ParserDirective(string Key, string Value, int Line);

/// <summary>The parser directives of a file. Dockerfile reference, "Parser directives".</summary>
public sealed record ParserDirectives
{
    /// <summary>The frontend that the author asks for; nothing here depends on it.</summary>
    public ParserDirective? Syntax { get; init; }

    /// <summary>The escape character as directive.</summary>
    public ParserDirective? Escape { get; init; }

    /// <summary>Configuration of the checks.</summary>
    public ParserDirective? Check { get; init; }

    /// <summary><c>\</c>, or <c>`</c> when the file says so.</summary>
    public char EscapeCharacter => Escape is null ? '\\' : Escape.Value[0];

    /// <summary>
    /// Reads the directives above the first line that is not one. An unknown key makes the line an ordinary comment, and ends
    /// them too.
    /// </summary>
    internal static ParserDirectives Read(SourceText source, DiagnosticList problems)
    {
        var directives = new ParserDirectives();
        HashSet<string> seen = new(StringComparer.Ordinal);
        for (int line = 1; line <= source.Lines.Length && TryParse(source[line], line, out ParserDirective? directive); line++)
        {
            if (!seen.Add(directive.Key))
            {
                problems.Add($"only one {directive.Key} parser directive can be used", new LineRange(line, line));
                continue;
            }

            switch (directive.Key)
            {
                case "escape" when directive.Value is not ("\\" or "`"):
                    problems.Add($"invalid escape token '{directive.Value}' does not match ` or \\", new LineRange(line, line));
                    break;
                case "escape":
                    directives = directives with { Escape = directive };
                    break;
                case "syntax":
                    directives = directives with { Syntax = directive };
                    break;
                default:
                    directives = directives with { Check = directive };
                    break;
            }
        }

        return directives;
    }

    private static bool TryParse(string line, int number, [NotNullWhen(true)] out ParserDirective? directive)
    {
        directive = null;
        int equals = line.IndexOf('=', StringComparison.Ordinal);
        if (!line.StartsWith('#') || equals < 0)
        {
            return false;
        }

        string key = line[1..equals].Trim().ToLowerInvariant();
        string value = line[(equals + 1)..].Trim();
        if (key is not ("syntax" or "escape" or "check") || value.Length == 0)
        {
            return false;
        }

        directive = new ParserDirective(key, value, number);
        return true;
    }
}
