using System.Collections.Immutable;
using System.Text;

namespace Mica.Dockerfile;

/// <summary>Takes <c>--name[=value]</c> words from the beginning of an instruction's arguments.</summary>
internal static class FlagReader
{
    /// <summary>
    /// The flags from <paramref name="position"/> of <paramref name="text"/> on, which moves behind them. A word <c>--</c> ends
    /// them and is taken. Quotes hold a value together and are removed, as is a backslash before any character.
    /// </summary>
    public static ImmutableArray<FlagSyntax> Read(string text, ref int position)
    {
        ImmutableArray<FlagSyntax>.Builder flags = ImmutableArray.CreateBuilder<FlagSyntax>();
        while (true)
        {
            position = SkipBlanks(text, position);
            if (!text.AsSpan(position).StartsWith("--", StringComparison.Ordinal))
            {
                return flags.ToImmutable();
            }

            int start = position;
            string word = ReadWord(text, ref position);
            if (word == "--")
            {
                position = SkipBlanks(text, position);
                return flags.ToImmutable();
            }

            int equals = word.IndexOf('=', StringComparison.Ordinal);
            flags.Add(new FlagSyntax(
                equals < 0 ? word[2..] : word[2..equals],
                equals < 0 ? null : word[(equals + 1)..],
                start,
                position - start));
        }
    }

    public static int SkipBlanks(string text, int position)
    {
        while (position < text.Length && char.IsWhiteSpace(text[position]))
        {
            position++;
        }

        return position;
    }

    private static string ReadWord(string text, ref int position)
    {
        var word = new StringBuilder();
        char quote = '\0';
        for (; position < text.Length; position++)
        {
            char c = text[position];
            if (c == '\\')
            {
                if (position + 1 < text.Length)
                {
                    word.Append(text[++position]);
                }
            }
            else if (quote != '\0')
            {
                if (c == quote)
                {
                    quote = '\0';
                }
                else
                {
                    word.Append(c);
                }
            }
            else if (char.IsWhiteSpace(c))
            {
                break;
            }
            else if (c is '\'' or '"')
            {
                quote = c;
            }
            else
            {
                word.Append(c);
            }
        }

        return word.ToString();
    }
}
