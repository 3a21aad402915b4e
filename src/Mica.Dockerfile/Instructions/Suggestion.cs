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

            int distance = Distance(word.ToUpperInvariant(), option.ToUpperInvariant());
            if (distance < bestDistance)
            {
                best = option;
                bestDistance = distance;
            }
        }

        return best;
    }

    /// <summary>Insertions, removals, replacements, and swaps of neighbours.</summary>
    private static int Distance(string left, string right)
    {
        int[,] distance = new int[left.Length + 1, right.Length + 1];
        for (int i = 0; i <= left.Length; i++)
        {
            for (int j = 0; j <= right.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    distance[i, j] = i + j;
                    continue;
                }

                int cost = left[i - 1] == right[j - 1] ? 0 : 1;
                int best = Math.Min(Math.Min(distance[i - 1, j] + 1, distance[i, j - 1] + 1), distance[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                {
                    best = Math.Min(best, distance[i - 2, j - 2] + 1);
                }

                distance[i, j] = best;
            }
        }

        return distance[left.Length, right.Length];
    }
}
