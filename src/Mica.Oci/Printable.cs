using System.Text;

namespace Mica.Oci;

/// <summary>Makes text from outside fit for a one-line message: no control characters, no terminal escapes, bounded.</summary>
public static class Printable
{
    private const int MaxLength = 256;

    /// <summary>
    /// <paramref name="text"/> with control characters, line separators and invalid surrogates as <c>\xNN</c> or
    /// <c>\uNNNN</c>, cut to 256 characters.
    /// </summary>
    public static string Of(string? text)
    {
        if (text is null)
        {
            return "";
        }

        var result = new StringBuilder(Math.Min(text.Length, MaxLength));
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (result.Length >= MaxLength)
            {
                return result.Append('…').ToString();
            }

            System.Globalization.UnicodeCategory category = Rune.GetUnicodeCategory(rune);
            bool hidden = category is System.Globalization.UnicodeCategory.Control
                or System.Globalization.UnicodeCategory.Format
                or System.Globalization.UnicodeCategory.LineSeparator
                or System.Globalization.UnicodeCategory.ParagraphSeparator;
            if (!hidden)
            {
                result.Append(rune.ToString());
            }
            else if (rune.Value < 0x100)
            {
                result.Append("\\x").Append(rune.Value.ToString("x2", null));
            }
            else
            {
                result.Append("\\u").Append(rune.Value.ToString("x4", null));
            }
        }

        return result.ToString();
    }
}
