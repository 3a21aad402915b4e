using System.Globalization;

namespace Mica.RegistryServer.Web;

/// <summary>Sizes, times and numbers in the words of the command line.</summary>
internal static class Words
{
    private static readonly string[] s_units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

    /// <summary>Decimal units and three digits, such as <c>13.8 MB</c>.</summary>
    public static string Size(long bytes)
    {
        double value = bytes;
        int unit = 0;

        // What would round to four digits is one of the next unit.
        while (value >= 999.5 && unit < s_units.Length - 1)
        {
            value /= 1000;
            unit++;
        }

        string format = value >= 100 || unit == 0 ? "0" : value >= 10 ? "0.#" : "0.##";
        return value.ToString(format, CultureInfo.InvariantCulture) + "\u00a0" + s_units[unit];
    }

    /// <summary>Such as <c>3 days ago</c>.</summary>
    public static string Since(DateTimeOffset time, DateTimeOffset now) => now < time ? "just now" : Duration(now - time) + " ago";

    /// <summary>Such as <c>2024-11-12 01:02:03 UTC</c>.</summary>
    public static string Plain(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " UTC";

    /// <summary>RFC 3339, for machines.</summary>
    public static string Machine(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    /// <summary>Thousands apart: <c>10,000</c>.</summary>
    public static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A number with its noun.</summary>
    public static string Count(long number, string one, string? many = null) => $"{Number(number)} {(number == 1 ? one : many ?? one + "s")}";

    private static string Duration(TimeSpan duration)
    {
        long seconds = (long)duration.TotalSeconds;
        long minutes = (long)duration.TotalMinutes;
        long hours = (long)(duration.TotalHours + 0.5);
        return seconds < 1 ? "Less than a second"
            : seconds < 60 ? Count(seconds, "second")
            : minutes == 1 ? "About a minute"
            : minutes < 60 ? Count(minutes, "minute")
            : hours == 1 ? "About an hour"
            : hours < 48 ? Count(hours, "hour")
            : hours < 24 * 7 * 2 ? Count(hours / 24, "day")
            : hours < 24 * 30 * 2 ? Count(hours / 24 / 7, "week")
            : hours < 24 * 365 * 2 ? Count(hours / 24 / 30, "month")
            : Count((long)duration.TotalHours / 24 / 365, "year");
    }
}
