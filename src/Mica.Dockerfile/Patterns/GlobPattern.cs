using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Mica.Dockerfile;

/// <summary>How a path stands to a pattern.</summary>
public enum GlobResult
{
    /// <summary>Neither the path nor anything below it matches.</summary>
    None,

    /// <summary>The path does not match, but something below it could.</summary>
    MayMatchBelow,

    /// <summary>The path matches, or a directory above it does.</summary>
    Matches,
}

/// <summary>
/// A pattern for paths with the meaning of Go's <c>filepath.Match</c>: <c>*</c> and <c>?</c> do not match <c>/</c>,
/// <c>[a-z]</c> and <c>[^a-z]</c> are classes, <c>\</c> makes the next character ordinary. With <c>**</c>, where that is asked
/// for, any number of directories. Paths are bytes, as file names need not be UTF-8; a byte that is not counts as a character.
/// Matching never takes longer than path × pattern.
/// </summary>
public sealed class GlobPattern
{
    /// <summary>In characters; a longer pattern is refused.</summary>
    public const int MaxLength = 4096;

    private readonly GlobElement[] _elements;
    private readonly byte[] _beginning;
    private readonly byte[] _required;

    private GlobPattern(string text, GlobElement[] elements)
    {
        Text = text;
        _elements = elements;
        (_beginning, _required) = GlobLiterals.Of(elements);
    }

    /// <summary>As written.</summary>
    public string Text { get; }

    /// <summary>Whether the pattern has no wildcard: it matches one path only.</summary>
    public bool IsLiteral => _elements.All(element => element.Kind == GlobKind.Literal);

    /// <summary>Reads a pattern; false when a class is not closed, a range is upside down or an escape has nothing behind it.</summary>
    /// <param name="text">The pattern.</param>
    /// <param name="doubleStar">Whether <c>**</c> matches across directories; else it is the same as <c>*</c>.</param>
    /// <param name="pattern">The pattern, read.</param>
    public static bool TryParse(string text, bool doubleStar, [NotNullWhen(true)] out GlobPattern? pattern)
    {
        pattern = text.Length <= MaxLength && GlobReader.Read(text, doubleStar) is { } elements ? new GlobPattern(text, elements) : null;
        return pattern is not null;
    }

    /// <summary>Whether the whole path matches.</summary>
    public bool IsMatch(ReadOnlySpan<byte> path) => Run(path, stopAtParent: false) == GlobResult.Matches;

    /// <summary>Whether the whole path matches.</summary>
    public bool IsMatch(string path) => IsMatch(Encoding.UTF8.GetBytes(path));

    /// <summary>
    /// Whether the path, or one of its parent directories, matches. Most patterns have text that most paths do not have; then this
    /// is one search for it.
    /// </summary>
    public bool Covers(ReadOnlySpan<byte> path) =>
        path.StartsWith(_beginning) && path.IndexOf(_required) >= 0 && Run(path, stopAtParent: true) == GlobResult.Matches;

    /// <summary>
    /// Whether the path, or one of its parent directories, matches; and if not, whether anything below the path could. A path has
    /// no <c>/</c> at its ends.
    /// </summary>
    public GlobResult Match(ReadOnlySpan<byte> path) => Run(path, stopAtParent: true);

    /// <inheritdoc cref="Match(ReadOnlySpan{byte})"/>
    public GlobResult Match(string path) => Match(Encoding.UTF8.GetBytes(path));

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>All ways through the pattern at once; n is live when the first n elements have matched what was read.</summary>
    private GlobResult Run(ReadOnlySpan<byte> path, bool stopAtParent)
    {
        int states = _elements.Length + 1;
        Span<bool> live = states <= 256 ? stackalloc bool[256] : new bool[states];
        Span<bool> next = states <= 256 ? stackalloc bool[256] : new bool[states];
        live = live[..states];
        next = next[..states];
        live.Clear();
        live[0] = true;
        Skip(live);
        while (!path.IsEmpty)
        {
            bool isSlash = path[0] == '/';
            if (isSlash && stopAtParent && live[^1])
            {
                return GlobResult.Matches;
            }

            // A byte that is not UTF-8 is taken alone and equals no literal but U+FFFD, as in Go.
            Rune rune = new(0);
            int count = 1;
            if (path[0] < 0x80)
            {
                rune = new Rune((char)path[0]);
            }
            else
            {
                Rune.DecodeFromUtf8(path, out rune, out count);
            }

            path = path[count..];
            if (!Step(live, next, rune))
            {
                return GlobResult.None;
            }

            Span<bool> swap = live;
            live = next;
            next = swap;
        }

        if (live[^1])
        {
            return GlobResult.Matches;
        }

        return stopAtParent && Step(live, next, new Rune('/')) ? GlobResult.MayMatchBelow : GlobResult.None;
    }

    private bool Step(ReadOnlySpan<bool> live, Span<bool> next, Rune rune)
    {
        bool any = false;
        next.Clear();
        for (int n = 0; n < _elements.Length; n++)
        {
            if (!live[n] || !_elements[n].Takes(rune))
            {
                continue;
            }

            any = true;
            switch (_elements[n].Kind)
            {
                case GlobKind.Star or GlobKind.Anything:
                    next[n] = true;
                    break;
                case GlobKind.Directories:
                    // Only behind a slash are whole directories done.
                    next[n] = true;
                    next[n + 1] |= rune.Value == '/';
                    break;
                default:
                    next[n + 1] = true;
                    break;
            }
        }

        if (any)
        {
            Skip(next);
        }

        return any;
    }

    /// <summary>What may match nothing can be left out; <c>**/</c> only before its first character.</summary>
    private void Skip(Span<bool> live)
    {
        for (int n = 0; n < _elements.Length; n++)
        {
            if (live[n] && _elements[n].Kind is GlobKind.Star or GlobKind.Anything)
            {
                live[n + 1] = true;
            }
            else if (live[n] && _elements[n].Kind == GlobKind.Enter)
            {
                live[n + 1] = true;
                live[n + 2] = true;
            }
        }
    }
}
