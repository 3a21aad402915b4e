using System.Globalization;

namespace Mica.Cli.Rendering;

/// <summary>Times as docker writes them.</summary>
internal static class HumanTime
{
    /// <summary>Times up to this one are what reproducible builds write for "none".</summary>
    private static readonly DateTimeOffset s_noTime = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Such as <c>2 hours ago</c>.</summary>
    public static string Since(DateTimeOffset time, DateTimeOffset now) => Duration(now - time) + " ago";

    /// <summary>The same, but <c>N/A</c> for a time that says nothing.</summary>
    public static string SinceOrNone(DateTimeOffset time, DateTimeOffset now) => time <= s_noTime ? "N/A" : Since(time, now);

    /// <summary>Such as <c>About a minute</c>, <c>4 weeks</c>.</summary>
    public static string Duration(TimeSpan duration)
    {
        long seconds = (long)duration.TotalSeconds;
        long minutes = (long)duration.TotalMinutes;
        long hours = (long)(duration.TotalHours + 0.5);
        return seconds < 1 ? "Less than a second"
            : seconds == 1 ? "1 second"
            : seconds < 60 ? Invariant($"{seconds} seconds")
            : minutes == 1 ? "About a minute"
            : minutes < 60 ? Invariant($"{minutes} minutes")
            : hours == 1 ? "About an hour"
            : hours < 48 ? Invariant($"{hours} hours")
            : hours < 24 * 7 * 2 ? Invariant($"{hours / 24} days")
            : hours < 24 * 30 * 2 ? Invariant($"{hours / 24 / 7} weeks")
            : hours < 24 * 365 * 2 ? Invariant($"{hours / 24 / 30} months")
            : Invariant($"{(long)duration.TotalHours / 24 / 365} years");
    }

    /// <summary>As Go prints a time: <c>2024-11-12 01:02:03 +0000 UTC</c>; in UTC, so that output does not depend on the machine.</summary>
    public static string Plain(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " +0000 UTC";

    /// <summary>RFC 3339 to the second.</summary>
    public static string Rfc3339(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    /// <summary>RFC 3339 with as many digits of the second's fraction as are not zero.</summary>
    public static string Rfc3339Nano(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFFZ", CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
