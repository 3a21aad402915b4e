using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>FROM and ARG.</summary>
internal static class StageBinder
{
    public static Instruction? BindFrom(BindingContext context)
    {
        context.CheckFlags(["platform"]);
        ImmutableArray<ArgumentWord> words = ArgumentWords.Plain(context.Arguments);
        if (words.Length is not (1 or 3))
        {
            return context.Fail("FROM requires either one or three arguments");
        }

        string? name = null;
        if (words.Length == 3)
        {
            if (!words[1].Text.Equals("as", StringComparison.OrdinalIgnoreCase))
            {
                return context.FailAt("FROM requires either one or three arguments", words[1]);
            }

            name = words[2].Text.ToLowerInvariant();
            if (!IsStageName(name))
            {
                return context.FailAt(
                    $"invalid name for build stage: \"{words[2].Text}\", name can't start with a number or contain symbols", words[2]);
            }
        }

        return new FromInstruction(context.Syntax, words[0].Text, name, context.Text("platform"));
    }

    public static Instruction? BindArg(BindingContext context)
    {
        context.CheckFlags([]);
        ImmutableArray<ArgumentWord> words = ArgumentWords.Quoted(context.Arguments, context.Escape);
        if (words.IsEmpty)
        {
            return context.Fail("ARG requires at least one argument");
        }

        ImmutableArray<ArgumentDeclaration>.Builder arguments = ImmutableArray.CreateBuilder<ArgumentDeclaration>();
        foreach (ArgumentWord word in words)
        {
            int equals = word.Text.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? word.Text : word.Text[..equals];
            if (name.Length == 0)
            {
                context.FailAt("ARG names can not be blank", word);
            }

            arguments.Add(new ArgumentDeclaration(name, equals < 0 ? null : word.Text[(equals + 1)..]));
        }

        return new ArgInstruction(context.Syntax, arguments.ToImmutable());
    }

    /// <summary>A lower-case letter, then also digits, <c>-</c>, <c>_</c> and <c>.</c>.</summary>
    public static bool IsStageName(string name) => name.Length > 0 && char.IsAsciiLetterLower(name[0])
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.');
}
