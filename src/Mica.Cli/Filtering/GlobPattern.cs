namespace Mica.Cli.Filtering;

/// <summary>
/// A shell pattern as Go's <c>path.Match</c> reads it: <c>*</c> and <c>?</c> do not match a slash, <c>[a-z]</c> and
/// <c>[^a-z]</c> are classes, a backslash takes the meaning from what follows it. A pattern that is malformed matches nothing.
/// </summary>
internal static class GlobPattern
{
    public static bool IsMatch(string pattern, string text)
    {
        int p = 0;
        int t = 0;
        int star = -1;
        int resume = 0;
        while (t < text.Length || p < pattern.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                star = p++;
                resume = t;
            }
            else if (p < pattern.Length && t < text.Length && MatchOne(pattern, ref p, text[t]))
            {
                t++;
            }
            else if (star >= 0 && resume < text.Length && text[resume] != '/')
            {
                // The star takes one character more.
                p = star + 1;
                t = ++resume;
            }
            else
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Matches one character and moves <paramref name="at"/> behind what matched it.</summary>
    private static bool MatchOne(string pattern, ref int at, char c)
    {
        switch (pattern[at])
        {
            case '?':
                at++;
                return c != '/';
            case '[':
                return MatchClass(pattern, ref at, c);
            case '\\' when at + 1 < pattern.Length:
                at += 2;
                return pattern[at - 1] == c;
            default:
                return pattern[at++] == c;
        }
    }

    private static bool MatchClass(string pattern, ref int at, char c)
    {
        int i = at + 1;
        bool negated = i < pattern.Length && pattern[i] == '^';
        i += negated ? 1 : 0;
        bool found = false;
        for (bool first = true; i < pattern.Length && (first || pattern[i] != ']'); first = false)
        {
            char low = Next(pattern, ref i);
            char high = low;
            if (i + 1 < pattern.Length && pattern[i] == '-' && pattern[i + 1] != ']')
            {
                i++;
                high = Next(pattern, ref i);
            }

            found |= c >= low && c <= high;
        }

        if (i >= pattern.Length)
        {
            return false;
        }

        at = i + 1;
        return found != negated;
    }

    private static char Next(string pattern, ref int at)
    {
        if (pattern[at] == '\\' && at + 1 < pattern.Length)
        {
            at++;
        }

        return pattern[at++];
    }
}
