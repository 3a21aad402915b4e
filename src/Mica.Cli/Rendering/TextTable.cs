using System.Text;

namespace Mica.Cli.Rendering;

/// <summary>
/// Columns aligned as docker aligns them: a column is as wide as its widest cell and three spaces, at least ten; the last
/// cell of a line is not padded. Text comes with tabs between the cells. Only lines that follow each other and have the
/// column share its width, so a line without tabs separates what is above it from what is below.
/// </summary>
internal sealed class TextTable
{
    private const int Padding = 3;
    private const int LeastWidth = 10;

    private readonly List<string[]> _lines = [];

    /// <summary>Adds a line of cells; control characters in them are made visible.</summary>
    public void Add(params ReadOnlySpan<string> cells)
    {
        string[] line = cells.ToArray();
        for (int i = 0; i < line.Length; i++)
        {
            line[i] = OneLine(line[i]);
        }

        _lines.Add(line);
    }

    /// <summary>Adds text that a template made: tabs end cells, newlines end lines.</summary>
    public void AddText(string text)
    {
        foreach (string line in text.Split('\n'))
        {
            _lines.Add(line.Split('\t'));
        }
    }

    public override string ToString()
    {
        var output = new StringBuilder();
        Append(output, 0, _lines.Count, []);
        return output.ToString();
    }

    /// <summary>Text from outside for one line of a terminal: blanks for tabs and line ends, other controls as <c>\x1b</c>.</summary>
    public static string OneLine(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\0', '\x1f') < 0 && text.AsSpan().IndexOfAnyInRange('\x7f', '\x9f') < 0)
        {
            return text;
        }

        var result = new StringBuilder(text.Length + 8);
        foreach (char c in text)
        {
            _ = c is '\t' or '\n' or '\r' ? result.Append(' ')
                : char.IsControl(c) ? result.Append("\\x").Append(((int)c).ToString("x2", null))
                : result.Append(c);
        }

        return result.ToString();
    }

    /// <summary>Lines from <paramref name="start"/> to <paramref name="end"/> share the columns in <paramref name="widths"/>.</summary>
    private void Append(StringBuilder output, int start, int end, List<int> widths)
    {
        int column = widths.Count;
        for (int i = start; i < end; i++)
        {
            if (column >= _lines[i].Length - 1)
            {
                continue;
            }

            AppendLines(output, start, i, widths);
            start = i;
            int width = LeastWidth;
            while (i < end && column < _lines[i].Length - 1)
            {
                width = Math.Max(width, DisplayWidth.Of(_lines[i][column]) + Padding);
                i++;
            }

            widths.Add(width);
            Append(output, start, i, widths);
            widths.RemoveAt(column);
            start = i;
            i--;
        }

        AppendLines(output, start, end, widths);
    }

    private void AppendLines(StringBuilder output, int start, int end, List<int> widths)
    {
        for (int i = start; i < end; i++)
        {
            string[] line = _lines[i];
            for (int column = 0; column < line.Length; column++)
            {
                output.Append(line[column]);
                if (column < line.Length - 1)
                {
                    output.Append(' ', Math.Max(0, widths[column] - DisplayWidth.Of(line[column])));
                }
            }

            output.Append('\n');
        }
    }
}
