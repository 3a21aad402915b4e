using System.Buffers;
using System.Globalization;

namespace Mica.Dockerfile;

/// <summary>Values of flags as Go reads them.</summary>
internal static class FlagValues
{
    public static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    /// <summary>Null when it is not a boolean.</summary>
    public static bool? ParseBool(string text) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => null,
    };

    /// <summary>A sum of numbers with units, such as <c>1h30m</c> or <c>1.5s</c>; null when it is not one.</summary>
    public static TimeSpan? ParseDuration(string text)
    {
        ReadOnlySpan<char> rest = text.AsSpan();
        bool negative = rest.StartsWith("-");
        if (negative || rest.StartsWith("+"))
        {
            rest = rest[1..];
        }

        if (rest is "0")
        {
            return TimeSpan.Zero;
        }

        decimal ticks = 0;
        if (rest.IsEmpty)
        {
            return null;
        }

        while (!rest.IsEmpty)
        {
            int digits = rest.IndexOfAnyExcept(NumberCharacters);
            if (digits <= 0 || !decimal.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal value))
            {
                return null;
            }

            rest = rest[digits..];
            int end = rest.IndexOfAny(NumberCharacters);
            decimal unit = (end < 0 ? rest : rest[..end]) switch
            {
                "ns" => 0.01m,
                "us" or "µs" or "μs" => 10,
                "ms" => TimeSpan.TicksPerMillisecond,
                "s" => TimeSpan.TicksPerSecond,
                "m" => TimeSpan.TicksPerMinute,
                "h" => TimeSpan.TicksPerHour,
                _ => 0,
            };
            rest = end < 0 ? default : rest[end..];

            // Go's durations are 64 bits of nanoseconds.
            if (unit == 0 || value > long.MaxValue || (ticks += value * unit) > long.MaxValue / 100)
            {
                return null;
            }
        }

        return TimeSpan.FromTicks((long)(negative ? -ticks : ticks));
    }
}
