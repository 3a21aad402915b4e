using System.Collections.Immutable;
using System.Text;

namespace Mica.Dockerfile;

/// <summary>What one element of a pattern matches.</summary>
internal enum GlobKind
{
    /// <summary>One character.</summary>
    Literal,

    /// <summary><c>?</c>: one character that is not <c>/</c>.</summary>
    One,

    /// <summary>A class.</summary>
    Class,

    /// <summary><c>*</c>: characters that are not <c>/</c>.</summary>
    Star,

    /// <summary><c>**</c> at the end: any characters.</summary>
    Anything,

    /// <summary>Before <see cref="Directories"/>: takes nothing, and allows to leave them out.</summary>
    Enter,

    /// <summary><c>**/</c>: any characters up to and with a <c>/</c>.</summary>
    Directories,
}

/// <summary>One element of a pattern.</summary>
internal readonly record struct GlobElement(GlobKind Kind, Rune Character = default, ImmutableArray<(Rune Low, Rune High)> Ranges = default, bool Negated = false)
{
    public bool Takes(Rune rune) => Kind switch
    {
        GlobKind.Literal => rune == Character,
        GlobKind.One or GlobKind.Star => rune.Value != '/',
        GlobKind.Anything or GlobKind.Directories => true,
        GlobKind.Class => Ranges.Any(range => range.Low <= rune && rune <= range.High) != Negated,
        _ => false,
    };
}

/// <summary>Text to elements.</summary>
internal static class GlobReader
{
    /// <summary>Null when the pattern is broken.</summary>
    public static GlobElement[]? Read(string text, bool doubleStar)
    {
        Rune[] runes = [.. text.EnumerateRunes()];
        List<GlobElement> elements = [];
        for (int i = 0; i < runes.Length; i++)
        {
            switch (runes[i].Value)
            {
                case '*' when doubleStar && i + 1 < runes.Length && runes[i + 1].Value == '*':
                    i = ReadDoubleStar(runes, i, elements);
                    break;
                case '*':
                    elements.Add(new GlobElement(GlobKind.Star));
                    break;
                case '?':
                    elements.Add(new GlobElement(GlobKind.One));
                    break;
                case '[':
                    if (ReadClass(runes, ref i) is not { } set)
                    {
                        return null;
                    }

                    elements.Add(set);
                    break;
                case '\\' when ++i == runes.Length:
                    return null;
                default:
                    elements.Add(new GlobElement(GlobKind.Literal, runes[i]));
                    break;
            }
        }

        return [.. elements];
    }

    /// <summary>Returns the index of the last character taken: both stars, and a slash behind them.</summary>
    private static int ReadDoubleStar(Rune[] runes, int i, List<GlobElement> elements)
    {
        i++;
        if (i + 1 < runes.Length && runes[i + 1].Value == '/')
        {
            i++;
        }

        if (i + 1 == runes.Length)
        {
            elements.Add(new GlobElement(GlobKind.Anything));
        }
        else
        {
            elements.Add(new GlobElement(GlobKind.Enter));
            elements.Add(new GlobElement(GlobKind.Directories));
        }

        return i;
    }

    private static GlobElement? ReadClass(Rune[] runes, ref int i)
    {
        i++;
        bool negated = i < runes.Length && runes[i].Value == '^';
        if (negated)
        {
            i++;
        }

        ImmutableArray<(Rune Low, Rune High)>.Builder ranges = ImmutableArray.CreateBuilder<(Rune Low, Rune High)>();
        while (i < runes.Length && (runes[i].Value != ']' || ranges.Count == 0))
        {
            if (ReadBound(runes, ref i) is not { } low)
            {
                return null;
            }

            Rune high = low;
            if (i < runes.Length && runes[i].Value == '-')
            {
                i++;
                if (ReadBound(runes, ref i) is not { } bound || bound < low)
                {
                    return null;
                }

                high = bound;
            }

            ranges.Add((low, high));
        }

        return i < runes.Length ? new GlobElement(GlobKind.Class, default, ranges.ToImmutable(), negated) : null;
    }

    private static Rune? ReadBound(Rune[] runes, ref int i)
    {
        if (i >= runes.Length || runes[i].Value is '-' or ']')
        {
            return null;
        }

        if (runes[i].Value == '\\' && ++i >= runes.Length)
        {
            return null;
        }

        return runes[i++];
    }
}
