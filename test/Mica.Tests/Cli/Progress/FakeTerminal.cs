using System.Globalization;
using System.Text;

namespace Mica.Tests.Cli.Progress;

/// <summary>
/// A terminal of fixed width that understands what the renderer uses: newline, carriage return, cursor up, erase below.
/// Lines that are longer than the width wrap. Keeps everything that scrolled by.
/// </summary>
internal sealed class FakeTerminal(int width, int height) : TextWriter
{
    private readonly List<StringBuilder> _rows = [new()];
    private int _row;
    private int _column;

    public int Width { get; set; } = width;

    public int Height { get; } = height;

    public override Encoding Encoding => Encoding.UTF8;

    /// <summary>All rows from the first that was ever written.</summary>
    public string Text => string.Join('\n', _rows.Select(row => row.ToString().TrimEnd()));

    public override void Write(char value) => Write(value.ToString());

    public override void Write(string? value)
    {
        string text = value ?? "";
        for (int i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\n':
                    MoveDown();
                    _column = 0;
                    break;
                case '\r':
                    _column = 0;
                    break;
                case '\x1b':
                    i = Escape(text, i + 2);
                    break;
                default:
                    Put(text[i]);
                    break;
            }
        }
    }

    private int Escape(string text, int at)
    {
        int end = at;
        while (char.IsAsciiDigit(text[end]))
        {
            end++;
        }

        int count = end > at ? int.Parse(text.AsSpan(at, end - at), CultureInfo.InvariantCulture) : 1;
        switch (text[end])
        {
            case 'A':
                Assert.True(count < Height, $"cursor moved up {count} rows on a terminal of {Height}");
                _row -= count;
                Assert.True(_row >= 0, "cursor moved above the first row");
                break;
            case 'J':
                _rows[_row].Length = Math.Min(_rows[_row].Length, _column);
                _rows.RemoveRange(_row + 1, _rows.Count - _row - 1);
                break;
            default:
                Assert.Fail($"unknown escape sequence {text[end]}");
                break;
        }

        return end;
    }

    private void Put(char c)
    {
        if (_column == Width)
        {
            MoveDown();
            _column = 0;
        }

        StringBuilder row = _rows[_row];
        row.Append(' ', Math.Max(0, _column + 1 - row.Length));
        row[_column++] = c;
    }

    private void MoveDown()
    {
        if (++_row == _rows.Count)
        {
            _rows.Add(new StringBuilder());
        }
    }
}
