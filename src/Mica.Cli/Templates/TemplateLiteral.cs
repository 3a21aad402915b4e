using System.Globalization;
using System.Text;

namespace Mica.Cli.Templates;

/// <summary>Strings, characters and numbers as Go writes them.</summary>
internal static class TemplateLiteral
{
    public static Value Parse(string template, Token token) => token.Kind switch
    {
        TokenKind.Quoted when token.Text[0] == '`' => new TextValue(token.Text[1..^1]),
        TokenKind.Quoted => new TextValue(Unquote(template, token)),
        TokenKind.Character when Unquote(template, token) is var text && Rune.TryGetRuneAt(text.Length == 0 ? "\ud800" : text, 0, out Rune rune)
            && rune.Utf16SequenceLength == text.Length => new IntegerValue(rune.Value),
        TokenKind.Character => throw TemplateException.Parsing(template, token.Position, $"malformed character constant: {token.Text}"),
        _ => ParseNumber(template, token),
    };

    private static Value ParseNumber(string template, Token token)
    {
        string digits = token.Text.Replace("_", "", StringComparison.Ordinal);
        bool negative = digits.StartsWith('-');
        ReadOnlySpan<char> unsigned = digits.AsSpan(digits[0] is '+' or '-' ? 1 : 0);
        if (TryParseInteger(unsigned, out ulong magnitude) && magnitude <= (ulong)long.MaxValue + (negative ? 1u : 0u))
        {
            return new IntegerValue(negative ? unchecked(-(long)magnitude) : (long)magnitude);
        }

        return double.TryParse(unsigned, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double number)
            && double.IsFinite(number) && (char.IsAsciiDigit(unsigned[0]) || unsigned[0] == '.')
            ? new FloatValue(negative ? -number : number)
            : throw TemplateException.Parsing(template, token.Position, $"bad number syntax: {GoFormat.Quote(token.Text)}");
    }

    private static bool TryParseInteger(ReadOnlySpan<char> digits, out ulong value)
    {
        value = 0;
        int radix = digits switch
        {
            ['0', 'x' or 'X', ..] => 16,
            ['0', 'b' or 'B', ..] => 2,
            ['0', 'o' or 'O', ..] => 8,
            _ => 10,
        };
        ReadOnlySpan<char> rest = digits[(radix == 10 ? 0 : 2)..];
        if (radix == 10 && rest.Length > 1 && rest[0] == '0' && rest.IndexOfAnyExceptInRange('0', '7') < 0)
        {
            radix = 8;
        }

        foreach (char c in rest)
        {
            int digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : radix;
            if (digit >= radix || value > (ulong.MaxValue - (ulong)digit) / (ulong)radix)
            {
                return false;
            }

            value = (value * (ulong)radix) + (ulong)digit;
        }

        return rest.Length > 0;
    }

    private static string Unquote(string template, Token token)
    {
        ReadOnlySpan<char> rest = token.Text.AsSpan(1, token.Text.Length - 2);
        var result = new StringBuilder(rest.Length);
        var bytes = new List<byte>();
        while (!rest.IsEmpty)
        {
            if (rest[0] != '\\')
            {
                Flush(result, bytes);
                result.Append(rest[0]);
                rest = rest[1..];
                continue;
            }

            (int length, int radix) = rest.Length > 1 ? rest[1] switch
            {
                'x' => (2, 16),
                'u' => (4, 16),
                'U' => (8, 16),
                >= '0' and <= '7' => (3, 8),
                _ => (0, 0),
            } : (0, 0);
            if (length == 0)
            {
                Flush(result, bytes);
                result.Append(Simple(rest, token.Text[0]) ?? throw Malformed(template, token));
                rest = rest[2..];
                continue;
            }

            int start = radix == 8 ? 1 : 2;
            if (rest.Length < start + length || !TryParseEscape(rest.Slice(start, length), radix, out int code))
            {
                throw Malformed(template, token);
            }

            if (length is 2 or 3)
            {
                // \x and octal escapes are bytes, which may make up a character only together.
                bytes.Add(code <= 0xff ? (byte)code : throw Malformed(template, token));
            }
            else
            {
                Flush(result, bytes);
                result.Append(Rune.IsValid(code) ? new Rune(code).ToString() : throw Malformed(template, token));
            }

            rest = rest[(start + length)..];
        }

        Flush(result, bytes);
        return result.ToString();
    }

    private static char? Simple(ReadOnlySpan<char> rest, char quote) => rest.Length < 2 ? null : rest[1] switch
    {
        'a' => '\a',
        'b' => '\b',
        'f' => '\f',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\v',
        '\\' => '\\',
        char c when c == quote => c,
        _ => null,
    };

    private static bool TryParseEscape(ReadOnlySpan<char> digits, int radix, out int code)
    {
        code = 0;
        foreach (char c in digits)
        {
            if (!char.IsAsciiHexDigit(c) || (radix == 8 && c > '7') || code > 0x7ffffff)
            {
                return false;
            }

            code = (code * radix) + Convert.ToInt32(c.ToString(), 16);
        }

        return true;
    }

    private static void Flush(StringBuilder result, List<byte> bytes)
    {
        result.Append(Encoding.UTF8.GetString([.. bytes]));
        bytes.Clear();
    }

    private static TemplateException Malformed(string template, Token token) =>
        TemplateException.Parsing(template, token.Position, $"invalid syntax: {token.Text}");
}
