using System.Globalization;

namespace Mica.Dockerfile;

/// <summary>Sizes as docker reads them: <c>64m</c>, <c>1.5GiB</c>; units are powers of 1024.</summary>
internal static class ByteSize
{
    public static bool TryParse(string text, out long size)
    {
        size = 0;
        string trimmed = text.Trim().ToLowerInvariant();
        int digits = trimmed.AsSpan().IndexOfAnyExcept(FlagValues.NumberCharacters);
        string number = digits < 0 ? trimmed : trimmed[..digits];
        int shift = digits < 0 ? 0 : trimmed[digits..].Trim() switch
        {
            "b" => 0,
            "k" or "kb" or "kib" => 10,
            "m" or "mb" or "mib" => 20,
            "g" or "gb" or "gib" => 30,
            "t" or "tb" or "tib" => 40,
            "p" or "pb" or "pib" => 50,
            _ => -1,
        };
        if (shift < 0 || !decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal value)
            || value > long.MaxValue / (1L << shift))
        {
            return false;
        }

        size = (long)(value * (1L << shift));
        return true;
    }
}
