using System.Collections.Frozen;

namespace Mica.Registry;

/// <summary>One way in that a 401 offers: a scheme and its parameters, from <c>WWW-Authenticate</c>. RFC 9110 section 11.</summary>
internal sealed record Challenge(string Scheme, FrozenDictionary<string, string> Parameters)
{
    private const int MaxLength = 16 << 10;
    private const int MaxChallenges = 16;

    public bool IsBearer => string.Equals(Scheme, "Bearer", StringComparison.OrdinalIgnoreCase);

    public bool IsBasic => string.Equals(Scheme, "Basic", StringComparison.OrdinalIgnoreCase);

    /// <summary>The parameter's value, or null. Names are case-insensitive.</summary>
    public string? this[string name] => Parameters.GetValueOrDefault(name);

    /// <summary>The challenges of an answer in order. What is malformed ends its header's list.</summary>
    public static IReadOnlyList<Challenge> Of(HttpResponseMessage response)
    {
        var challenges = new List<Challenge>();
        if (response.Headers.NonValidated.TryGetValues("WWW-Authenticate", out var values))
        {
            foreach (string value in values)
            {
                challenges.AddRange(Parse(value));
            }
        }

        return challenges;
    }

    /// <summary>Parses one header, which may hold several challenges: <c>Basic realm="x", Bearer realm="y",service="z"</c>.</summary>
    public static IReadOnlyList<Challenge> Parse(string header)
    {
        var challenges = new List<Challenge>();
        if (header.Length > MaxLength)
        {
            return challenges;
        }

        ReadOnlySpan<char> rest = header;
        while (challenges.Count < MaxChallenges)
        {
            rest = rest.TrimStart(" \t,");
            ReadOnlySpan<char> scheme = TakeToken(ref rest);
            if (scheme.IsEmpty)
            {
                break;
            }

            var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            while (TakeParameter(ref rest, out string name, out string value))
            {
                parameters[name] = value;
            }

            challenges.Add(new Challenge(scheme.ToString(), parameters.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase)));
        }

        return challenges;
    }

    private static bool TakeParameter(ref ReadOnlySpan<char> rest, out string name, out string value)
    {
        name = value = "";
        ReadOnlySpan<char> ahead = rest.TrimStart(" \t,");
        ReadOnlySpan<char> token = TakeToken(ref ahead);
        ahead = ahead.TrimStart(" \t");
        if (token.IsEmpty || ahead.IsEmpty || ahead[0] != '=')
        {
            // A token without "=" is the scheme of the next challenge.
            return false;
        }

        ahead = ahead[1..].TrimStart(" \t");
        name = token.ToString();
        if (ahead.StartsWith("\""))
        {
            ahead = ahead[1..];
            value = TakeQuoted(ref ahead);
        }
        else
        {
            value = TakeToken(ref ahead).ToString();
        }

        rest = ahead;
        return true;
    }

    private static string TakeQuoted(ref ReadOnlySpan<char> rest)
    {
        var value = new System.Text.StringBuilder();
        int index = 0;
        for (; index < rest.Length && rest[index] != '"'; index++)
        {
            if (rest[index] == '\\' && index + 1 < rest.Length)
            {
                index++;
            }

            value.Append(rest[index]);
        }

        rest = rest[Math.Min(index + 1, rest.Length)..];
        return value.ToString();
    }

    /// <summary>A token, or what people write without quotes in its place: everything to the next separator.</summary>
    private static ReadOnlySpan<char> TakeToken(ref ReadOnlySpan<char> rest)
    {
        int end = rest.IndexOfAny(" \t,=\"");
        end = end < 0 ? rest.Length : end;
        ReadOnlySpan<char> token = rest[..end];
        rest = rest[end..];
        return token;
    }
}
