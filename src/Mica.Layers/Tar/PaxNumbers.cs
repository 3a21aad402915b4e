using System.Buffers.Text;

namespace Mica.Layers;

/// <summary>Numbers and times as pax records write them: decimal text.</summary>
internal static class PaxNumbers
{
    /// <summary>Only digits, at most <see cref="long.MaxValue"/>.</summary>
    public static bool TryNumber(ReadOnlySpan<byte> text, out long value) =>
        Utf8Parser.TryParse(text, out value, out int used) && used == text.Length && text[0] is >= (byte)'0' and <= (byte)'9';

    /// <summary><c>[-]seconds[.fraction]</c>; what is finer than a nanosecond is cut off.</summary>
    public static bool TryTime(ReadOnlySpan<byte> text, out UnixTime time)
    {
        time = default;
        bool negative = !text.IsEmpty && text[0] == '-';
        ReadOnlySpan<byte> digits = negative ? text[1..] : text;
        int dot = digits.IndexOf((byte)'.');
        ReadOnlySpan<byte> whole = dot < 0 ? digits : digits[..dot];
        ReadOnlySpan<byte> fraction = dot < 0 ? [] : digits[(dot + 1)..];
        if (!TryNumber(whole, out long seconds) || fraction.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return false;
        }

        int nanoseconds = 0;
        for (int place = 0; place < 9; place++)
        {
            nanoseconds = (nanoseconds * 10) + (place < fraction.Length ? fraction[place] - '0' : 0);
        }

        time = !negative ? new UnixTime(seconds, nanoseconds)
            : nanoseconds == 0 ? new UnixTime(-seconds, 0)
            : new UnixTime(-seconds - 1, 1_000_000_000 - nanoseconds);
        return true;
    }
}
