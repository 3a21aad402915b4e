using System.Text;

namespace Mica.Dockerfile;

/// <summary>The text that every path has that a pattern matches.</summary>
internal static class GlobLiterals
{
    /// <summary>What the path begins with, and the longest piece that is somewhere in it; either may be empty.</summary>
    public static (byte[] Beginning, byte[] Required) Of(GlobElement[] elements)
    {
        byte[]? beginning = null;
        byte[] longest = [];
        var run = new StringBuilder();
        foreach (GlobElement element in elements)
        {
            // Any byte that is not UTF-8 reads as U+FFFD too, so that character is not text to search for.
            if (element.Kind == GlobKind.Literal && element.Character != Rune.ReplacementChar)
            {
                run.Append(element.Character.ToString());
                continue;
            }

            End();
        }

        End();
        return (beginning ?? [], longest);

        void End()
        {
            byte[] bytes = Encoding.UTF8.GetBytes(run.ToString());
            run.Clear();
            beginning ??= bytes;
            longest = bytes.Length > longest.Length ? bytes : longest;
        }
    }
}
