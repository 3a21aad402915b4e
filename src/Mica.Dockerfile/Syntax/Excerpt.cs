using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>Quotes lines of a Dockerfile as <c>docker build</c> does, with a caret under the word that is meant.</summary>
public static class Excerpt
{
    private const int Around = 2;
    private const int MaxLines = 40;
    private const string Rule = "--------------------";

    /// <summary>
    /// The lines of <paramref name="lines"/> marked with <c>&gt;&gt;&gt;</c> and two lines around them; ends with a line break. Text
    /// only: control characters are escaped, colours are the caller's.
    /// </summary>
    public static string Of(SourceText source, LineRange lines, SourceSpan? span = null) => Of(source, [lines], span);

    /// <summary>Several ranges, such as an instruction and the one it contradicts, in one excerpt each.</summary>
    public static string Of(SourceText source, ImmutableArray<LineRange> ranges, SourceSpan? span = null)
    {
        var text = new StringBuilder();
        foreach (LineRange lines in ranges)
        {
            Append(text, source, lines, span is { } one && lines.Contains(one.Line) ? one : null);
        }

        return text.ToString();
    }

    /// <summary>Every diagnostic: its message, then the excerpt.</summary>
    public static string Of(SourceText source, ImmutableArray<Diagnostic> diagnostics)
    {
        var text = new StringBuilder();
        foreach (Diagnostic diagnostic in diagnostics)
        {
            text.Append(diagnostic).Append('\n').Append(Of(source, diagnostic.Lines, diagnostic.Span)).Append('\n');
        }

        return diagnostics.IsEmpty ? "" : text.ToString().TrimEnd('\n') + "\n";
    }

    private static void Append(StringBuilder text, SourceText source, LineRange lines, SourceSpan? span)
    {
        int first = Math.Max(1, lines.Start - Around);
        int last = Math.Min(source.Lines.Length, lines.End + Around);
        if (last < first)
        {
            return;
        }

        text.Append(CultureInfo.InvariantCulture, $"{Printable.Of(source.FileName)}:{lines.Start}\n{Rule}\n");
        for (int line = first; line <= last; line++)
        {
            if (line == first + MaxLines && last - line > MaxLines)
            {
                text.Append(CultureInfo.InvariantCulture, $"     |     … {last - line - Around} more lines\n");
                line = last - Around;
            }

            string mark = lines.Contains(line) ? ">>>" : "   ";
            text.Append(CultureInfo.InvariantCulture, $" {line,3} | {mark} {Shown(source[line])}\n");
            if (span is { } here && here.Line == line)
            {
                AppendCaret(text, source[line], here);
            }
        }

        text.Append(Rule).Append('\n');
    }

    private static void AppendCaret(StringBuilder text, string line, SourceSpan span)
    {
        int column = Math.Min(span.Column - 1, line.Length);
        int length = Math.Min(span.Length, line.Length - column);
        int indent = Shown(line[..column]).Length;
        int width = Math.Max(1, Shown(line.Substring(column, length)).Length);
        text.Append("     |     ").Append(' ', indent).Append('^', width).Append('\n');
    }

    /// <summary>Tabs are shown as blanks so that the caret stands right under every terminal.</summary>
    private static string Shown(string line) => Printable.Of(line.Replace("\t", "    ", StringComparison.Ordinal));
}
