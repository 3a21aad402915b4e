using System.Globalization;
using Mica.Oci;

namespace Mica.Cli.Filtering;

/// <summary>
/// A time as docker's filters take it: how long ago as a Go duration (<c>10m</c>, <c>1h30m</c>), an RFC 3339 time or the
/// beginning of one, or seconds since 1970.
/// </summary>
internal static class FilterTime
{
    private static readonly string[] s_formats =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HHK", "yyyy-MM-ddK",
    ];

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a time.</exception>
    public static DateTimeOffset Parse(string text, DateTimeOffset now)
    {
        if (TryParseDuration(text, out TimeSpan duration))
        {
            return now - duration;
        }

        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds < 1e11)
        {
            return DateTimeOffset.UnixEpoch.AddSeconds(seconds);
        }

        return DateTimeOffset.TryParseExact(text, s_formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time
            : throw new MicaException(ErrorKind.InvalidArgument,
                $"invalid time \"{Printable.Of(text)}\": write how long ago, such as 24h, or a time, such as 2024-11-12T01:02:03Z");
    }

    /// <summary>Numbers with units, one after the other: h, m, s, ms.</summary>
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        ReadOnlySpan<char> rest = text;
        while (!rest.IsEmpty)
        {
            int digits = 0;
            while (digits < rest.Length && (char.IsAsciiDigit(rest[digits]) || rest[digits] == '.'))
            {
                digits++;
            }

            if (digits == 0 || digits == rest.Length || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
                || number > 1e7)
            {
                return false;
            }

            rest = rest[digits..];
            int unitLength = rest.StartsWith("ms", StringComparison.Ordinal) ? 2 : 1;
            TimeSpan? unit = rest[..unitLength] switch
            {
                "h" => TimeSpan.FromHours(1),
                "m" => TimeSpan.FromMinutes(1),
                "s" => TimeSpan.FromSeconds(1),
                "ms" => TimeSpan.FromMilliseconds(1),
                _ => null,
            };
            if (unit is not { } known)
            {
                return false;
            }

            duration += known * number;
            rest = rest[unitLength..];
        }

        return text.Length > 0;
    }
}
