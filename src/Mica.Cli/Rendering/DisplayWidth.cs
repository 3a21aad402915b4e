using System.Globalization;
using System.Text;

namespace Mica.Cli.Rendering;

/// <summary>How many columns of a terminal text takes, and text cut to columns.</summary>
internal static class DisplayWidth
{
    /// <summary>Blocks whose characters take two columns (Unicode East Asian Width W and F), first and last code point.</summary>
    private static readonly (int First, int Last)[] s_wide =
    [
        (0x1100, 0x115f), (0x231a, 0x231b), (0x2329, 0x232a), (0x23e9, 0x23ec), (0x2e80, 0x303e), (0x3041, 0x33ff),
        (0x3400, 0x4dbf), (0x4e00, 0x9fff), (0xa000, 0xa4cf), (0xa960, 0xa97f), (0xac00, 0xd7a3), (0xf900, 0xfaff),
        (0xfe10, 0xfe19), (0xfe30, 0xfe6f), (0xff00, 0xff60), (0xffe0, 0xffe6), (0x16fe0, 0x18cff), (0x1b000, 0x1b2ff),
        (0x1f004, 0x1f004), (0x1f0cf, 0x1f0cf), (0x1f18e, 0x1f19a), (0x1f200, 0x1f320), (0x1f32d, 0x1f335),
        (0x1f337, 0x1f37c), (0x1f37e, 0x1f393), (0x1f3a0, 0x1f3ca), (0x1f3e0, 0x1f3f0), (0x1f400, 0x1f64f),
        (0x1f680, 0x1f6c5), (0x1f6d0, 0x1f6d7), (0x1f7e0, 0x1f7eb), (0x1f90c, 0x1f9ff), (0x1fa70, 0x1faff),
        (0x20000, 0x2fffd), (0x30000, 0x3fffd),
    ];

    public static int Of(string text)
    {
        if (Ascii.IsValid(text))
        {
            return text.Length;
        }

        int width = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            width += Of(rune);
        }

        return width;
    }

    /// <summary><paramref name="text"/>, or so much of it that with a final <c>…</c> it takes <paramref name="columns"/>.</summary>
    public static string Ellipsis(string text, int columns)
    {
        if (Of(text) <= columns)
        {
            return text;
        }

        var kept = new StringBuilder(columns);
        int width = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            width += Of(rune);
            if (width > columns - 1)
            {
                break;
            }

            kept.Append(rune.ToString());
        }

        return kept.Append('…').ToString();
    }

    private static int Of(Rune rune)
    {
        if (rune.Value < 0x300)
        {
            return 1;
        }

        foreach ((int first, int last) in s_wide)
        {
            if (rune.Value <= last)
            {
                return rune.Value >= first ? 2 : IsCombining(rune) ? 0 : 1;
            }
        }

        return IsCombining(rune) ? 0 : 1;
    }

    private static bool IsCombining(Rune rune) => Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format;
}
