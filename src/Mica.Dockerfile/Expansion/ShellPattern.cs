using System.Text;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>
/// The pattern of <c>${name#pattern}</c> and its kin: <c>*</c> is any text, <c>?</c> any character, an escape character makes
/// the next one ordinary. Matching takes time in proportion to value × pattern at most, whatever the stars.
/// </summary>
internal sealed class ShellPattern
{
    private const int MaxWork = 1 << 28;

    private readonly Element[] _elements;

    private ShellPattern(Element[] elements) => _elements = elements;

    private enum Kind
    {
        Literal,
        One,
        Many,
    }

    public static ShellPattern Compile(string pattern, char escape)
    {
        List<Element> elements = [];
        for (int i = 0; i < pattern.Length; i++)
        {
            char c = pattern[i];
            if (c == escape || c == '\\')
            {
                if (++i == pattern.Length)
                {
                    throw ExpansionReader.Broken("invalid escape");
                }

                elements.Add(new Element(Kind.Literal, pattern[i]));
            }
            else if (c is not ('*' or '?'))
            {
                elements.Add(new Element(Kind.Literal, c));
            }
            else if (c == '?' || elements is not [.., { Kind: Kind.Many }])
            {
                elements.Add(new Element(c == '*' ? Kind.Many : Kind.One, c));
            }
        }

        return new ShellPattern([.. elements]);
    }

    /// <summary>How many characters at the beginning match; null when no beginning does.</summary>
    public int? MatchAtStart(string value, bool longest) => Match(value, longest);

    /// <summary>How many characters at the end match.</summary>
    public int? MatchAtEnd(string value, bool longest)
    {
        Element[] elements = [.. _elements.Reverse()];
        char[] characters = value.ToCharArray();
        Array.Reverse(characters);
        return new ShellPattern(elements).Match(characters, longest);
    }

    /// <summary>The first longest match, or each, replaced. What matches nothing replaces nothing.</summary>
    public string Replace(string value, string replacement, bool all)
    {
        var result = new StringBuilder();
        int position = 0;
        long work = 0;
        while (position < value.Length)
        {
            work += (long)(value.Length - position) * (_elements.Length + 1);
            if (work > MaxWork)
            {
                throw ExpansionReader.Broken("the substitution takes too long: value and pattern are too large");
            }

            if (Match(value.AsSpan(position), longest: true) is not (int length and > 0))
            {
                result.Append(value[position++]);
                continue;
            }

            result.Append(replacement);
            position += length;
            if (result.Length > ShellLexer.MaxLength)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"the text expands to more than {ShellLexer.MaxLength} characters");
            }

            if (!all)
            {
                break;
            }
        }

        return result.Append(value.AsSpan(position)).ToString();
    }

    /// <summary>Follows all ways through the pattern at once; the flag at index n says that the first n elements have matched.</summary>
    private int? Match(ReadOnlySpan<char> value, bool longest)
    {
        bool[] live = new bool[_elements.Length + 1];
        bool[] next = new bool[_elements.Length + 1];
        live[0] = true;
        SkipStars(live);
        int? found = live[^1] ? 0 : null;
        for (int i = 0; i < value.Length && (found is null || longest); i++)
        {
            bool any = false;
            Array.Clear(next);
            for (int n = 0; n < _elements.Length; n++)
            {
                if (live[n] && _elements[n].Takes(value[i]))
                {
                    next[_elements[n].Kind == Kind.Many ? n : n + 1] = true;
                    any = true;
                }
            }

            if (!any)
            {
                break;
            }

            SkipStars(next);
            (live, next) = (next, live);
            found = live[^1] ? i + 1 : found;
        }

        return found;
    }

    private void SkipStars(bool[] live)
    {
        for (int n = 0; n < _elements.Length; n++)
        {
            live[n + 1] |= live[n] && _elements[n].Kind == Kind.Many;
        }
    }

    private readonly record struct Element(Kind Kind, char Character)
    {
        public bool Takes(char c) => Kind != Kind.Literal || c == Character;
    }
}
