using System.Collections.Immutable;
using System.Globalization;

namespace Mica.Dockerfile;

/// <summary>One FROM and what follows it.</summary>
/// <param name="Index">Counted from 0.</param>
/// <param name="From">Its first instruction.</param>
/// <param name="Instructions">The others, in order.</param>
public sealed record Stage(int Index, FromInstruction From, ImmutableArray<Instruction> Instructions)
{
    /// <summary>In lower case; null when it has none.</summary>
    public string? Name => From.StageName;

    /// <summary>What messages call it: its name, else its number.</summary>
    public string DisplayName => Name ?? Index.ToString(CultureInfo.InvariantCulture);

    /// <summary>What the author says of it in the comment above: <c># NAME description</c>; null when nothing.</summary>
    public string? Description => Comments.DescriptionOf(From.Syntax.Comments, Name);

    /// <summary>From the FROM to its last instruction.</summary>
    public LineRange Lines => new(From.Lines.Start, Instructions.IsEmpty ? From.Lines.End : Instructions[^1].Lines.End);
}

/// <summary>Reads descriptions from comments.</summary>
internal static class Comments
{
    /// <summary>What follows the name in the line that begins with it.</summary>
    public static string? DescriptionOf(ImmutableArray<string> comments, string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            return null;
        }

        foreach (string comment in comments)
        {
            if (comment.StartsWith(name, StringComparison.Ordinal) && comment.Length > name.Length && comment[name.Length] == ' ')
            {
                return comment[(name.Length + 1)..].Trim();
            }
        }

        return null;
    }
}
