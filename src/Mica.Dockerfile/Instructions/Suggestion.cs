using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>What somebody may have meant.</summary>
internal static class Suggestion
{
    private const int MaxLength = 64;

    /// <summary><c> (did you mean X?)</c>, or nothing.</summary>
    public static string For(string word, IEnumerable<string> options) =>
        Find(word, options) is { } found ? $" (did you mean {found}?)" : "";

    /// <summary>The option that is at most two changes away from the word, and nearer than any other; null when there is none.</summary>
    public static string? Find(string word, IEnumerable<string> options)
    {
        string? best = null;
        if (word.Length > MaxLength)
        {
            return null;
        }

        int bestDistance = Math.Min(3, (word.Length / 2) + 1);
        foreach (string option in options)
        {
            if (option == word)
            {
                return null;
            }

            if (option.Length > MaxLength)
            {
                continue;
            }

            int distance = EditDistance.Between(word.ToUpperInvariant(), option.ToUpperInvariant());
            if (distance < bestDistance)
            {
                best = option;
                bestDistance = distance;
            }
        }

        return best;
    }
}
