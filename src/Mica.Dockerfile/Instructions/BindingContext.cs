using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>One instruction while it is understood: its flags, its words, and where problems go.</summary>
internal sealed class BindingContext(InstructionSyntax syntax, char escape, DiagnosticList problems)
{
    private readonly HashSet<string> _flags = new(StringComparer.Ordinal);

    public InstructionSyntax Syntax => syntax;

    public char Escape => escape;

    public DiagnosticList Problems => problems;

    public string Name => syntax.Name;

    public string Arguments => syntax.Arguments;

    /// <summary>Reports a problem of the whole instruction; the result lets a binder return at once.</summary>
    public Instruction? Fail(string message)
    {
        problems.Add(message, syntax.Lines, syntax.Line.Locate(syntax.KeywordOffset, syntax.Keyword.Length));
        return null;
    }

    /// <summary>Reports a problem of a part of the arguments.</summary>
    public Instruction? FailAt(string message, ArgumentWord word)
    {
        problems.Add(message, syntax.Lines, syntax.Line.Locate(syntax.ArgumentsOffset + word.Offset, word.Text.Length));
        return null;
    }

    public void FailFlag(string message, FlagSyntax flag) =>
        problems.Add(message, syntax.Lines, syntax.Line.Locate(flag.Offset, flag.Length));

    /// <summary>Reports unknown flags, and those given twice that may not be.</summary>
    public void CheckFlags(ImmutableArray<string> known, params ReadOnlySpan<string> repeatable)
    {
        foreach (FlagSyntax flag in syntax.Flags)
        {
            if (!known.Contains(flag.Name))
            {
                FailFlag($"unknown flag: --{flag.Name}{Suggestion.For("--" + flag.Name, known.Select(name => "--" + name))}", flag);
            }
            else if (!_flags.Add(flag.Name) && !repeatable.Contains(flag.Name))
            {
                FailFlag($"duplicate flag specified: {flag.Name}", flag);
            }
        }
    }

    public FlagSyntax? Flag(string name) => syntax.Flags.FirstOrDefault(flag => flag.Name == name);

    /// <summary>The value; null when the flag is not given, or has none, which is reported.</summary>
    public string? Text(string name)
    {
        FlagSyntax? flag = Flag(name);
        if (flag is { Value: null })
        {
            FailFlag($"missing a value on flag: {name}", flag);
        }

        return flag?.Value;
    }

    public bool? Bool(string name)
    {
        if (Flag(name) is not { } flag)
        {
            return null;
        }

        bool? value = flag.Value is null ? true : FlagValues.ParseBool(flag.Value.ToLowerInvariant());
        if (value is null)
        {
            FailFlag($"expecting boolean value for flag {name}, not: {flag.Value}", flag);
        }

        return value ?? false;
    }

    /// <summary>All values of a flag that may be given several times.</summary>
    public ImmutableArray<string> All(string name)
    {
        ImmutableArray<string>.Builder values = ImmutableArray.CreateBuilder<string>();
        foreach (FlagSyntax flag in syntax.Flags.Where(flag => flag.Name == name))
        {
            if (flag.Value is null)
            {
                FailFlag($"missing a value on flag: {name}", flag);
            }
            else
            {
                values.Add(flag.Value);
            }
        }

        return values.ToImmutable();
    }
}
