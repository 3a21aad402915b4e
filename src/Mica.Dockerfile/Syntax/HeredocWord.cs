using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Mica.Dockerfile;

/// <summary>The word of an instruction that announces a here-document.</summary>
internal sealed record HeredocWord(string Name, int FileDescriptor, bool Chomp, bool Expand)
{
    private static readonly VariableScope s_nothing = VariableScope.Empty;

    /// <summary>All of <paramref name="text"/>, in order.</summary>
    public static IEnumerable<HeredocWord> In(string text)
    {
        var lexer = new ShellLexer('\\') { RawQuotes = true, RawEscapes = true, KeepUnset = true };
        foreach (string word in WordsOf(lexer, text) ?? [.. ArgumentWords.Quoted(text, '\\').Select(word => word.Text)])
        {
            if (TryParse(word, out HeredocWord? heredoc))
            {
                yield return heredoc;
            }
        }
    }

    /// <summary>False for words that only look alike, such as <c>a&lt;&lt;b</c> and <c>&lt;&lt;&lt;word</c>.</summary>
    public static bool TryParse(string word, [NotNullWhen(true)] out HeredocWord? heredoc)
    {
        heredoc = null;
        int arrows = word.AsSpan().IndexOfAnyExceptInRange('0', '9');
        if (arrows < 0 || !word.AsSpan(arrows).StartsWith("<<", StringComparison.Ordinal))
        {
            return false;
        }

        bool chomp = word.AsSpan(arrows + 2).StartsWith("-", StringComparison.Ordinal);
        string rest = word[(arrows + (chomp ? 3 : 2))..];
        int descriptor = 0;
        if (rest.Length == 0 || rest.Contains('<', StringComparison.Ordinal)
            || (arrows > 0 && !int.TryParse(word.AsSpan(0, arrows), NumberStyles.None, CultureInfo.InvariantCulture, out descriptor)))
        {
            return false;
        }

        if (WordsOf(new ShellLexer('\\') { KeepUnset = true }, rest) is not [{ Length: > 0 } name])
        {
            return false;
        }

        heredoc = new HeredocWord(name, descriptor, chomp, Expand: name == rest);
        return true;
    }

    /// <summary>
    /// Null where the lexer gives up: a RUN's text is for a shell, and what shells have besides, such as <c>${list[@]}</c>, may stand
    /// beside a here-document.
    /// </summary>
    private static ImmutableArray<string>? WordsOf(ShellLexer lexer, string text)
    {
        try
        {
            return lexer.Expand(text, s_nothing).Words;
        }
        catch (Oci.MicaException)
        {
            return null;
        }
    }
}
