namespace Mica.Cli.CommandLine;

/// <summary>Which known word a mistyped one is close to.</summary>
internal static class Suggestion
{
    public static string? For(string word, IEnumerable<string> known)
    {
        string? best = null;
        int least = 1 + Math.Max(1, word.TrimStart('-').Length / 3);
        foreach (string candidate in known)
        {
            int distance = candidate.StartsWith(word, StringComparison.Ordinal) && word.Length > 2 ? 1 : Distance(word, candidate);
            if (distance < least)
            {
                least = distance;
                best = candidate;
            }
        }

        return best;
    }

    /// <summary>Insertions, deletions, replacements, and swaps of neighbours, each counted once.</summary>
    private static int Distance(string a, string b)
    {
        if (a.Length > 64)
        {
            return int.MaxValue;
        }

        int[,] cost = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    cost[i, j] = i + j;
                    continue;
                }

                int replaced = cost[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                cost[i, j] = Math.Min(replaced, 1 + Math.Min(cost[i - 1, j], cost[i, j - 1]));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    cost[i, j] = Math.Min(cost[i, j], cost[i - 2, j - 2] + 1);
                }
            }
        }

        return cost[a.Length, b.Length];
    }
}
