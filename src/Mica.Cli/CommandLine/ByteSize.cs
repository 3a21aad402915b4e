using System.Globalization;
using Mica.Oci;

namespace Mica.Cli.CommandLine;

/// <summary>Sizes on the command line as docker takes them for memory: a number and b, k, m, g or t, powers of 1024.</summary>
internal static class ByteSize
{
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a size, or none that 64 bits hold.</exception>
    public static long Parse(string text, string option)
    {
        ReadOnlySpan<char> number = text.AsSpan().Trim();
        foreach (string ending in (ReadOnlySpan<string>)["ib", "b"])
        {
            if (number.Length > ending.Length && number.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
            {
                number = number[..^ending.Length];
                break;
            }
        }

        int power = number.IsEmpty ? -1 : "kmgt".IndexOf(char.ToLowerInvariant(number[^1]), StringComparison.Ordinal);
        number = power < 0 ? number : number[..^1].TrimEnd();
        return decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal value)
            && value <= long.MaxValue >> (10 * (power + 1))
                ? (long)(value * (1L << (10 * (power + 1))))
                : throw new MicaException(ErrorKind.InvalidArgument, $"invalid size: '{Printable.Of(text)}' for {option} (a number, and k, m, g or t)");
    }
}
