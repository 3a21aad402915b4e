using System.Text;

namespace Mica.Cli.Building;

/// <summary>
/// Makes lines for people of the bytes that a command writes: a carriage return begins its line anew, as bars use it; what
/// would steer the terminal is left out.
/// </summary>
internal sealed class OutputLines
{
    /// <summary>A longer line is cut in pieces.</summary>
    private const int MaxLine = 64 << 10;

    private readonly List<byte> _rest = [];

    /// <summary>The lines that are whole now.</summary>
    public List<string> Add(ReadOnlySpan<byte> bytes)
    {
        var lines = new List<string>();
        while (!bytes.IsEmpty)
        {
            int end = bytes.IndexOf((byte)'\n');
            int count = Math.Min(end < 0 ? bytes.Length : end, MaxLine - _rest.Count);
            _rest.AddRange(bytes[..count]);
            bool isWhole = count == end;
            bytes = bytes[(isWhole ? count + 1 : count)..];
            if (isWhole || _rest.Count == MaxLine)
            {
                lines.Add(Take());
            }
        }

        return lines;
    }

    /// <summary>What came after the last whole line; null when nothing did.</summary>
    public string? Finish() => _rest.Count == 0 ? null : Take();

    /// <summary>Text from outside for one line of a terminal.</summary>
    public static string Clean(string text)
    {
        if (!text.Any(char.IsControl))
        {
            return text;
        }

        text = text.TrimEnd('\r');
        text = text[(text.LastIndexOf('\r') + 1)..];
        var kept = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\x1b':
                    i = EndOfEscape(text, i);
                    break;
                case '\t':
                    kept.Append("    ");
                    break;
                default:
                    _ = char.IsControl(text[i]) ? kept : kept.Append(text[i]);
                    break;
            }
        }

        return kept.ToString();
    }

    private string Take()
    {
        string line = Clean(Encoding.UTF8.GetString([.. _rest]));
        _rest.Clear();
        return line;
    }

    /// <summary>
    /// The last character of the escape sequence at <paramref name="start"/>. ECMA-48: control sequences, strings such as
    /// titles, and short ones.
    /// </summary>
    private static int EndOfEscape(string text, int start)
    {
        int i = start + 1;
        char kind = i < text.Length ? text[i] : '\0';
        if (kind == '[')
        {
            do
            {
                i++;
            }
            while (i < text.Length && text[i] is < '@' or > '~');
        }
        else if (kind is ']' or 'P' or 'X' or '^' or '_')
        {
            while (i < text.Length && text[i] is not ('\x07' or '\x1b'))
            {
                i++;
            }

            // The string's end is itself an escape: ESC and a backslash.
            return i < text.Length && text[i] == '\x1b' ? i + 1 : i;
        }

        return i;
    }
}
