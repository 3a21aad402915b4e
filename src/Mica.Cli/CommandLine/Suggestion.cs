using Mica.Oci;

namespace Mica.Cli.CommandLine;

/// <summary>Which known word a mistyped one is close to.</summary>
internal static class Suggestion
{
    private const int MaxLength = 64;

    public static string? For(string word, IEnumerable<string> known)
    {
        string? best = null;
        int least = 1 + Math.Max(1, word.TrimStart('-').Length / 3);
        foreach (string candidate in known)
        {
            int distance = candidate.StartsWith(word, StringComparison.Ordinal) && word.Length > 2 ? 1
                : word.Length > MaxLength ? int.MaxValue
                : EditDistance.Between(word, candidate);
            if (distance < least)
            {
                least = distance;
                best = candidate;
            }
        }

        return best;
    }
}
