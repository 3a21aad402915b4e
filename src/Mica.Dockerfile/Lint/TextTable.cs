using System.Text;

namespace Mica.Dockerfile;

/// <summary>Columns as wide as their widest cell, with blanks between; none at the ends of lines.</summary>
internal sealed class TextTable(int gap)
{
    private readonly List<string[]> _rows = [];

    public TextTable Add(params string[] cells)
    {
        _rows.Add(cells);
        return this;
    }

    public override string ToString()
    {
        int[] widths = new int[_rows.Max(row => row.Length)];
        foreach (string[] row in _rows)
        {
            for (int i = 0; i < row.Length; i++)
            {
                widths[i] = Math.Max(widths[i], row[i].EnumerateRunes().Count());
            }
        }

        var text = new StringBuilder();
        foreach (string[] row in _rows)
        {
            var line = new StringBuilder();
            for (int i = 0; i < row.Length; i++)
            {
                line.Append(row[i]).Append(' ', widths[i] - row[i].EnumerateRunes().Count() + gap);
            }

            text.Append(line.ToString().TrimEnd(' ')).Append('\n');
        }

        return text.ToString();
    }
}
