using System.Globalization;
using System.Text;

namespace Mica.Cli.Templates;

/// <summary>Go's <c>printf</c>: flags, width, precision and the verbs that make sense for a template's values.</summary>
internal static class GoPrintf
{
    private const int MaxWidth = 1000;

    /// <summary>Mistakes show in the output, as in Go: <c>%!d(string=x)</c>, <c>%!s(MISSING)</c>, <c>%!(EXTRA int=1)</c>.</summary>
    public static string Format(string format, ReadOnlySpan<Value> arguments)
    {
        var result = new StringBuilder();
        int next = 0;
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                result.Append(format[i]);
                continue;
            }

            Directive directive = Directive.Parse(format, ref i, arguments, ref next);
            if (directive.Verb == '\0')
            {
                result.Append("%!(NOVERB)");
            }
            else if (directive.Verb == '%')
            {
                result.Append('%');
            }
            else if (next >= arguments.Length)
            {
                result.Append(CultureInfo.InvariantCulture, $"%!{directive.Verb}(MISSING)");
            }
            else
            {
                result.Append(One(directive, arguments[next++]));
            }
        }

        if (next < arguments.Length)
        {
            IEnumerable<string> extra = arguments[next..].ToArray().Select(value => value is NullValue ? "<nil>" : $"{value.Kind}={GoFormat.Display(value)}");
            result.Append("%!(EXTRA ").AppendJoin(", ", extra).Append(')');
        }

        return result.ToString();
    }

    private static string One(Directive directive, Value value)
    {
        if (directive.Verb is not ('v' or 'T') && value is ListValue list)
        {
            return $"[{string.Join(' ', list.Items.Select(item => One(directive, item)))}]";
        }

        string? text = (directive.Verb, value) switch
        {
            ('v', FloatValue number) when directive.Precision is null => Signed(directive, GoFormat.Float(number.Number)),
            ('v', IntegerValue number) => Signed(directive, number.Number.ToString(CultureInfo.InvariantCulture)),
            ('v', TextValue words) when directive.Alternate => GoFormat.Quote(words.Text),
            ('v', _) => GoFormat.Display(value),
            ('T', _) => value is NullValue ? "<nil>" : value.Kind,
            ('s', TextValue words) => Cut(words.Text, directive.Precision),
            ('q', TextValue words) => GoFormat.Quote(Cut(words.Text, directive.Precision)),
            ('x' or 'X', TextValue words) => Cased(directive, Convert.ToHexStringLower(Encoding.UTF8.GetBytes(words.Text))),
            ('t', BooleanValue truth) => GoFormat.Display(truth),
            (_, IntegerValue number) => Integer(directive, number.Number),
            (_, FloatValue number) => Float(directive, number.Number),
            _ => null,
        };
        return text is null
            ? value is NullValue ? $"%!{directive.Verb}(<nil>)" : $"%!{directive.Verb}({value.Kind}={GoFormat.Display(value)})"
            : Pad(directive, text, value is IntegerValue or FloatValue);
    }

    private static string? Integer(Directive directive, long number)
    {
        string? digits = directive.Verb switch
        {
            'd' => UInt128.CreateTruncating(Int128.Abs(number)).ToString(CultureInfo.InvariantCulture),
            'x' or 'X' => (directive.Alternate ? "0x" : "") + Magnitude(number).ToString("x", CultureInfo.InvariantCulture),
            'o' => (directive.Alternate ? "0" : "") + Convert.ToString(unchecked((long)Magnitude(number)), 8),
            'b' => (directive.Alternate ? "0b" : "") + Magnitude(number).ToString("b", CultureInfo.InvariantCulture),
            _ => null,
        };
        return digits is not null ? Signed(directive, (number < 0 ? "-" : "") + Cased(directive, digits.PadLeft(directive.Precision ?? 0, '0')))
            : directive.Verb == 'c' && Rune.IsValid((int)Math.Clamp(number, int.MinValue, int.MaxValue)) ? new Rune((int)number).ToString()
            : directive.Verb == 'q' && Rune.IsValid((int)Math.Clamp(number, int.MinValue, int.MaxValue)) ? $"'{new Rune((int)number)}'"
            : null;
    }

    private static string? Float(Directive directive, double number)
    {
        string precision = (directive.Precision ?? 6).ToString(CultureInfo.InvariantCulture);
        string? text = directive.Verb switch
        {
            'f' or 'F' => number.ToString("F" + precision, CultureInfo.InvariantCulture),
            'e' => GoFormat.Exponent(number.ToString("E" + precision, CultureInfo.InvariantCulture)),
            'E' => GoFormat.Exponent(number.ToString("E" + precision, CultureInfo.InvariantCulture)).ToUpperInvariant(),
            'g' or 'v' when directive.Precision is null => GoFormat.Float(number),
            'g' or 'v' => number.ToString("G" + precision, CultureInfo.InvariantCulture).ToLowerInvariant(),
            _ => null,
        };
        return text is null ? null : Signed(directive, text);
    }

    private static ulong Magnitude(long number) => number < 0 ? unchecked(0ul - (ulong)number) : (ulong)number;

    private static string Signed(Directive directive, string text) =>
        text.StartsWith('-') ? text : directive.Plus ? "+" + text : directive.Space ? " " + text : text;

    private static string Cased(Directive directive, string digits) => directive.Verb == 'X' ? digits.ToUpperInvariant() : digits;

    private static string Cut(string text, int? runes) => runes is not { } count ? text
        : string.Concat(text.EnumerateRunes().Take(count).Select(rune => rune.ToString()));

    private static string Pad(Directive directive, string text, bool isNumber)
    {
        int missing = directive.Width - text.EnumerateRunes().Count();
        if (missing <= 0)
        {
            return text;
        }

        if (directive.Left)
        {
            return text + new string(' ', missing);
        }

        if (!directive.Zero)
        {
            return new string(' ', missing) + text;
        }

        int sign = isNumber && text[0] is '+' or '-' ? 1 : 0;
        return text[..sign] + new string('0', missing) + text[sign..];
    }

    private readonly record struct Directive(
        char Verb, bool Left, bool Plus, bool Zero, bool Space, bool Alternate, int Width, int? Precision)
    {
        /// <summary>Reads what follows the <c>%</c> at <paramref name="at"/> and leaves that on the verb.</summary>
        public static Directive Parse(string format, ref int at, ReadOnlySpan<Value> arguments, ref int next)
        {
            bool left = false, plus = false, zero = false, space = false, alternate = false;
            for (at++; at < format.Length && format[at] is '-' or '+' or '0' or ' ' or '#'; at++)
            {
                left |= format[at] == '-';
                plus |= format[at] == '+';
                zero |= format[at] == '0';
                space |= format[at] == ' ';
                alternate |= format[at] == '#';
            }

            int width = Number(format, ref at, arguments, ref next) ?? 0;
            if (width < 0)
            {
                left = true;
                width = -width;
            }

            int? precision = null;
            if (at < format.Length && format[at] == '.')
            {
                at++;
                precision = Math.Max(0, Number(format, ref at, arguments, ref next) ?? 0);
            }

            return new Directive(at < format.Length ? format[at] : '\0', left, plus, zero, space, alternate, width, precision);
        }

        private static int? Number(string format, ref int at, ReadOnlySpan<Value> arguments, ref int next)
        {
            if (at < format.Length && format[at] == '*')
            {
                at++;
                return next < arguments.Length && arguments[next++] is IntegerValue number ? (int)Math.Clamp(number.Number, -MaxWidth, MaxWidth) : 0;
            }

            int start = at;
            int value = 0;
            for (; at < format.Length && char.IsAsciiDigit(format[at]); at++)
            {
                value = Math.Min(MaxWidth, (value * 10) + format[at] - '0');
            }

            return at == start ? null : value;
        }
    }
}
