using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>A word of an instruction's arguments, quotes and escapes as written, and where it begins in them.</summary>
internal readonly record struct ArgumentWord(string Text, int Offset);

/// <summary>Splits arguments at blanks.</summary>
internal static class ArgumentWords
{
    /// <summary>At every blank, as FROM and EXPOSE are split.</summary>
    public static ImmutableArray<ArgumentWord> Plain(string text) => Split(text, '\0', quotes: false);

    /// <summary>At blanks that are neither quoted nor escaped, as ENV, LABEL and ARG are split.</summary>
    public static ImmutableArray<ArgumentWord> Quoted(string text, char escape) => Split(text, escape, quotes: true);

    private static ImmutableArray<ArgumentWord> Split(string text, char escape, bool quotes)
    {
        ImmutableArray<ArgumentWord>.Builder words = ImmutableArray.CreateBuilder<ArgumentWord>();
        int position = 0;
        while ((position = FlagReader.SkipBlanks(text, position)) < text.Length)
        {
            int start = position;
            char quote = '\0';
            while (position < text.Length && (quote != '\0' || !char.IsWhiteSpace(text[position])))
            {
                char c = text[position++];
                if (quotes && c == escape && quote != '\'')
                {
                    position = Math.Min(position + 1, text.Length);
                }
                else if (quotes && quote == '\0' && c is '\'' or '"')
                {
                    quote = c;
                }
                else if (c == quote)
                {
                    quote = '\0';
                }
            }

            words.Add(new ArgumentWord(text[start..position], start));
        }

        return words.ToImmutable();
    }
}
