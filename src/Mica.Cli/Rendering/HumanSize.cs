using System.Globalization;

namespace Mica.Cli.Rendering;

/// <summary>Sizes as docker writes them: decimal units, a few significant digits, no space (<c>72.9MB</c>).</summary>
internal static class HumanSize
{
    private static readonly string[] s_decimal = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    private static readonly string[] s_binary = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>Three digits, as in listings of images and layers.</summary>
    public static string Short(long bytes) => Format(bytes, 1000, s_decimal, 3);

    /// <summary>Four digits, as in summaries and progress.</summary>
    public static string Long(long bytes) => Format(bytes, 1000, s_decimal, 4);

    /// <summary>Four digits of powers of 1024.</summary>
    public static string Binary(long bytes) => Format(bytes, 1024, s_binary, 4);

    private static string Format(long bytes, double step, string[] units, int digits)
    {
        double value = bytes;
        int unit = 0;
        while (Math.Abs(value) >= step && unit < units.Length - 1)
        {
            value /= step;
            unit++;
        }

        string text = Significant(value, digits);

        // 999,999 bytes round to four digits where three are wanted; docker prints 1e+03kB for them.
        if (digits == 3 && text.TrimStart('-') == "1000" && unit < units.Length - 1)
        {
            text = value < 0 ? "-1" : "1";
            unit++;
        }

        return text + units[unit];
    }

    /// <summary>At most so many significant digits, without trailing zeros: Go's <c>%.3g</c> for numbers below the next unit.</summary>
    private static string Significant(double value, int digits)
    {
        double magnitude = Math.Abs(value);
        int whole = magnitude >= 1000 ? 4 : magnitude >= 100 ? 3 : magnitude >= 10 ? 2 : 1;
        string text = Rounded(value, Math.Max(0, digits - whole));
        return text.Contains('.', StringComparison.Ordinal) ? text.TrimEnd('0').TrimEnd('.') : text;
    }

    /// <summary>A number halfway between two goes to the even one, as in C and Go; .NET's formats take the larger.</summary>
    private static string Rounded(double value, int decimals)
    {
        string exact = value.ToString("F64", CultureInfo.InvariantCulture);
        int cut = exact.Length - 64 + decimals;
        bool isTie = exact[cut] == '5' && exact.AsSpan(cut + 1).IndexOfAnyExcept('0') < 0;
        string up = value.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        if (!isTie || (up[^1] - '0') % 2 == 0)
        {
            return up;
        }

        return decimals > 0 ? exact[..cut] : exact[..(cut - 1)];
    }
}
