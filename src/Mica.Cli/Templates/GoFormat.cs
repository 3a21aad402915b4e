using System.Globalization;
using System.Text;

namespace Mica.Cli.Templates;

/// <summary>Values as Go's <c>fmt</c> prints them.</summary>
internal static class GoFormat
{
    /// <summary>What <c>%v</c> gives.</summary>
    public static string Display(Value value) => value switch
    {
        NullValue => "<nil>",
        BooleanValue boolean => boolean.Truth ? "true" : "false",
        IntegerValue integer => integer.Number.ToString(CultureInfo.InvariantCulture),
        FloatValue number => Float(number.Number),
        TextValue text => text.Text,
        ListValue list => $"[{string.Join(' ', list.Items.Select(Display))}]",
        MapValue { Strict: true, Entries.Count: 0 } => "{}",
        MapValue map => $"map[{string.Join(' ', map.Entries.Select(entry => $"{entry.Key}:{Display(entry.Value)}"))}]",
        RowValue row => $"{{{string.Join(' ', row.Columns.Select(column => Display(column.Value)))}}}",
        _ => "",
    };

    /// <summary>What an action prints: as <see cref="Display"/>, but for nothing at all Go's template package has own words.</summary>
    public static string Printed(Value value) => value is NullValue ? "<no value>" : Display(value);

    /// <summary>Operands with a space between two that are both no strings.</summary>
    public static string Print(IReadOnlyList<Value> values)
    {
        var result = new StringBuilder();
        for (int i = 0; i < values.Count; i++)
        {
            if (i > 0 && values[i] is not TextValue && values[i - 1] is not TextValue)
            {
                result.Append(' ');
            }

            result.Append(Display(values[i]));
        }

        return result.ToString();
    }

    /// <summary>Operands with a space between any two, and a newline.</summary>
    public static string PrintLine(IEnumerable<Value> values) => string.Join(' ', values.Select(Display)) + "\n";

    /// <summary>
    /// The shortest digits that read back as the number, with an exponent below 1e-4 and from 1e6 on as <c>%v</c> has it; JSON
    /// has one only from <c>1e21</c> on.
    /// </summary>
    public static string Float(double number, int exponentFrom = 6)
    {
        if (!double.IsFinite(number))
        {
            return double.IsNaN(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf";
        }

        string shortest = number.ToString("E16", CultureInfo.InvariantCulture);
        for (int precision = 0; precision < 17; precision++)
        {
            string candidate = number.ToString("E" + precision.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
            if (double.Parse(candidate, CultureInfo.InvariantCulture).Equals(number))
            {
                shortest = candidate;
                break;
            }
        }

        int mark = shortest.IndexOf('E', StringComparison.Ordinal);
        int exponent = int.Parse(shortest.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        int digits = shortest[..mark].Count(char.IsAsciiDigit);
        return exponent < -4 || exponent >= exponentFrom
            ? Exponent(shortest)
            : number.ToString("F" + Math.Max(0, digits - 1 - exponent).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }

    /// <summary>.NET's <c>1.5E+021</c> as Go's <c>1.5e+21</c>.</summary>
    public static string Exponent(string text)
    {
        int mark = text.IndexOf('E', StringComparison.Ordinal);
        string exponent = text[(mark + 2)..].TrimStart('0').PadLeft(2, '0');
        return $"{text[..mark]}e{text[mark + 1]}{exponent}";
    }

    /// <summary>A string literal: what <c>%q</c> gives.</summary>
    public static string Quote(string text)
    {
        var result = new StringBuilder(text.Length + 2).Append('"');
        foreach (Rune rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '"' or '\\':
                    result.Append('\\').Append((char)rune.Value);
                    break;
                case '\a':
                    result.Append("\\a");
                    break;
                case '\b':
                    result.Append("\\b");
                    break;
                case '\f':
                    result.Append("\\f");
                    break;
                case '\n':
                    result.Append("\\n");
                    break;
                case '\r':
                    result.Append("\\r");
                    break;
                case '\t':
                    result.Append("\\t");
                    break;
                case '\v':
                    result.Append("\\v");
                    break;
                case < ' ' or 0x7f:
                    result.Append("\\x").Append(rune.Value.ToString("x2", CultureInfo.InvariantCulture));
                    break;
                default:
                    result.Append(IsPrintable(rune) ? rune.ToString()
                        : rune.Value <= 0xffff ? "\\u" + rune.Value.ToString("x4", CultureInfo.InvariantCulture)
                        : "\\U" + rune.Value.ToString("x8", CultureInfo.InvariantCulture));
                    break;
            }
        }

        return result.Append('"').ToString();
    }

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator);
}
