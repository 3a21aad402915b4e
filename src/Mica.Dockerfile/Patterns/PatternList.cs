using System.Collections.Immutable;
using System.Text;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>One line of an ignore file, or one <c>--exclude</c>.</summary>
/// <param name="Text">As written, without blanks around it.</param>
/// <param name="Line">Counted from 1; the number of the flag for <c>--exclude</c>.</param>
/// <param name="Includes">Written with <c>!</c>: what it matches is not left out.</param>
/// <param name="Glob">What it matches.</param>
public sealed record PathPattern(string Text, int Line, bool Includes, GlobPattern Glob);

/// <summary>Whether a path is left out, and which pattern says so.</summary>
/// <param name="IsExcluded">Whether it is left out.</param>
/// <param name="Deciding">The last pattern that matches; null when none does, which leaves the path in.</param>
public readonly record struct PatternDecision(bool IsExcluded, PathPattern? Deciding);

/// <summary>
/// Patterns in order, of which the last one that matches a path or a directory above it decides. A <c>!</c> pattern takes paths
/// in again wherever they are, below an excluded directory too.
/// </summary>
public sealed class PatternList
{
    private PatternList(ImmutableArray<PathPattern> patterns) => Patterns = patterns;

    /// <summary>Leaves nothing out.</summary>
    public static PatternList Empty { get; } = new([]);

    /// <summary>In their order.</summary>
    public ImmutableArray<PathPattern> Patterns { get; }

    /// <summary>The patterns of <c>--exclude</c> flags.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: one of them is broken.</exception>
    public static PatternList Of(IEnumerable<string> patterns)
    {
        int number = 0;
        return new PatternList([.. patterns.Select(text => Parse(text, ++number, $"exclude pattern {number}")).OfType<PathPattern>()]);
    }

    internal static PatternList Of(ImmutableArray<PathPattern> patterns) => new(patterns);

    /// <summary>Null for blank text.</summary>
    internal static PathPattern? Parse(string text, int line, string where)
    {
        string trimmed = text.Trim();
        bool includes = trimmed.StartsWith('!');
        string pattern = (includes ? trimmed[1..] : trimmed).Trim();
        if (pattern.Length == 0)
        {
            return includes ? throw new MicaException(ErrorKind.InvalidArgument, $"{where}: illegal exclusion pattern: \"!\"") : null;
        }

        pattern = GlobPath.Clean(pattern);
        if (pattern.Length > 1 && pattern[0] == '/')
        {
            pattern = pattern[1..];
        }

        return GlobPattern.TryParse(pattern, doubleStar: true, out GlobPattern? glob)
            ? new PathPattern(trimmed, line, includes, glob)
            : throw new MicaException(ErrorKind.InvalidArgument, $"{where}: syntax error in pattern \"{Printable.Of(trimmed)}\"");
    }

    /// <summary>Decides about a path relative to the root, without <c>/</c> at its ends.</summary>
    public PatternDecision Decide(ReadOnlySpan<byte> path)
    {
        int index = LastMatch(path);
        return index < 0 ? default : new PatternDecision(!Patterns[index].Includes, Patterns[index]);
    }

    /// <inheritdoc cref="Decide(ReadOnlySpan{byte})"/>
    public PatternDecision Decide(string path) => Decide(Encoding.UTF8.GetBytes(path));

    /// <summary>
    /// Whether a walk has to look into a directory: it is not excluded itself, or a <c>!</c> pattern could take something below
    /// it in again.
    /// </summary>
    public bool MayIncludeBelow(ReadOnlySpan<byte> directory)
    {
        int index = LastMatch(directory);
        if (index < 0 || Patterns[index].Includes)
        {
            return true;
        }

        // What matched the directory matches everything below, so only later patterns can decide otherwise there.
        for (int i = index + 1; i < Patterns.Length; i++)
        {
            if (Patterns[i].Includes && Patterns[i].Glob.Match(directory) == GlobResult.MayMatchBelow)
            {
                return true;
            }
        }

        return false;
    }

    /// <inheritdoc cref="MayIncludeBelow(ReadOnlySpan{byte})"/>
    public bool MayIncludeBelow(string directory) => MayIncludeBelow(Encoding.UTF8.GetBytes(directory));

    private int LastMatch(ReadOnlySpan<byte> path)
    {
        int index = Patterns.Length - 1;
        while (index >= 0 && !Patterns[index].Glob.Covers(path))
        {
            index--;
        }

        return index;
    }
}
