using System.Collections.Immutable;
using System.Text;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>
/// A <c>.dockerignore</c>: what of a context is left out. <c>#</c> in the first column begins a comment, blanks around a pattern
/// and a leading <c>/</c> do not count, <c>!</c> takes in again, <c>**</c> is any number of directories.
/// </summary>
public sealed class IgnoreFile
{
    private const int MaxBytes = 4 * 1024 * 1024;
    private const int MaxPatterns = 20_000;

    private IgnoreFile(string fileName, PatternList patterns)
    {
        FileName = fileName;
        Patterns = patterns;
    }

    /// <summary>What messages call it.</summary>
    public string FileName { get; }

    /// <summary>The patterns with their lines.</summary>
    public PatternList Patterns { get; }

    /// <summary>Where to look for the file, the first that exists counts: one beside the Dockerfile before the context's own.</summary>
    /// <param name="dockerfile">The Dockerfile's path, relative to the context or not.</param>
    public static ImmutableArray<string> Candidates(string dockerfile) => [dockerfile + ".dockerignore", ".dockerignore"];

    /// <summary>Reads the file.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: a pattern is broken, or there is too much of them.</exception>
    public static IgnoreFile Parse(ReadOnlySpan<byte> content, string fileName = ".dockerignore")
    {
        string shownName = Printable.Of(fileName);
        if (content.Length > MaxBytes)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"{shownName}: larger than {MaxBytes >> 20} MiB");
        }

        if (content.StartsWith("\uFEFF"u8))
        {
            content = content[3..];
        }

        ImmutableArray<PathPattern>.Builder patterns = ImmutableArray.CreateBuilder<PathPattern>();
        int number = 0;
        foreach (string line in Encoding.UTF8.GetString(content).Split('\n'))
        {
            number++;
            if (line.StartsWith('#') || PatternList.Parse(line, number, $"{shownName}:{number}") is not { } pattern)
            {
                continue;
            }

            patterns.Add(pattern);
            if (patterns.Count > MaxPatterns)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"{shownName}: more than {MaxPatterns} patterns");
            }
        }

        return new IgnoreFile(fileName, PatternList.Of(patterns.ToImmutable()));
    }

    /// <summary>Reads text.</summary>
    public static IgnoreFile Parse(string text, string fileName = ".dockerignore") => Parse(Encoding.UTF8.GetBytes(text), fileName);

    /// <summary>Why a path is in the context or not, as one line of text.</summary>
    public string Explain(string path)
    {
        string cleaned = GlobPath.Clean(path);
        cleaned = cleaned.StartsWith('/') ? cleaned[1..] : cleaned;
        PatternDecision decision = Patterns.Decide(cleaned);
        string shown = Printable.Of(cleaned);
        return decision.Deciding is not { } pattern
            ? $"{shown}: included, no pattern of {Printable.Of(FileName)} matches"
            : $"{shown}: {(decision.IsExcluded ? "excluded" : "included")} by {Printable.Of(FileName)}:{pattern.Line}: {Printable.Of(pattern.Text)}";
    }
}
