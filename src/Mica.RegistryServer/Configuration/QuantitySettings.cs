using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Mica.Oci;

namespace Mica.RegistryServer.Configuration;

/// <summary>A time, such as <c>90s</c>, <c>24h</c>, <c>7d</c> or <c>1h30m</c>.</summary>
internal sealed partial class DurationSetting(TimeSpan least) : Setting<TimeSpan>
{
    private const string Form = "^(0|([0-9]{1,9}(ms|s|m|h|d|w))+)$";
    private static readonly TimeSpan s_most = TimeSpan.FromDays(100 * 365);

    private static readonly (string Word, TimeSpan Length)[] s_units =
    [
        ("w", TimeSpan.FromDays(7)), ("d", TimeSpan.FromDays(1)), ("h", TimeSpan.FromHours(1)), ("m", TimeSpan.FromMinutes(1)),
        ("s", TimeSpan.FromSeconds(1)), ("ms", TimeSpan.FromMilliseconds(1)),
    ];

    public DurationSetting()
        : this(TimeSpan.Zero)
    {
    }

    public override TimeSpan Read(ConfigurationNode node, string path, SettingReader reader)
    {
        const string Expected = "a time such as 90s, 24h or 7d";
        if (Scalar(node, path, reader, Expected) is not { } text)
        {
            return least;
        }

        if (!Whole().IsMatch(text))
        {
            reader.Fail(node, path, $"has to be {Expected}, not \"{Printable.Of(text)}\"{(long.TryParse(text, out _) ? "; what unit?" : "")}");
            return least;
        }

        double milliseconds = 0;
        foreach (Match part in Part().Matches(text))
        {
            milliseconds += double.Parse(part.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
                * s_units.First(unit => unit.Word == part.Groups[2].Value).Length.TotalMilliseconds;
        }

        if (milliseconds > s_most.TotalMilliseconds || milliseconds < least.TotalMilliseconds)
        {
            reader.Fail(node, path, milliseconds < least.TotalMilliseconds ? $"has to be at least {Text(least)}" : "may be a hundred years at most");
            return least;
        }

        return TimeSpan.FromMilliseconds(milliseconds);
    }

    public override void Write(Utf8JsonWriter writer, TimeSpan value) => writer.WriteStringValue(Text(value));

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "string");
        writer.WriteString("pattern", Form);
    }

    private static string Text(TimeSpan value)
    {
        var text = new StringBuilder();
        foreach ((string word, TimeSpan length) in s_units)
        {
            long count = value.Ticks / length.Ticks;

            // Weeks are for people who write them; seven days are easier to compare.
            if (count > 0 && word != "w")
            {
                text.Append(CultureInfo.InvariantCulture, $"{count}{word}");
                value -= length * count;
            }
        }

        return text.Length == 0 ? "0s" : text.ToString();
    }

    [GeneratedRegex(Form)]
    private static partial Regex Whole();

    [GeneratedRegex("([0-9]+)(ms|s|m|h|d|w)")]
    private static partial Regex Part();
}

/// <summary>Bytes: a number, or one with <c>k</c>, <c>m</c>, <c>g</c> or <c>t</c> behind it, powers of 1024.</summary>
internal sealed partial class SizeSetting(long least, long most) : Setting<long>
{
    private const string Form = "^[0-9]{1,18}([kKmMgGtT]([iI]?[bB])?)?$";

    public override long Read(ConfigurationNode node, string path, SettingReader reader)
    {
        const string Expected = "a size such as 500m or 20g";
        if (Scalar(node, path, reader, Expected) is not { } text)
        {
            return least;
        }

        if (!Whole().IsMatch(text))
        {
            reader.Fail(node, path, $"has to be {Expected}, not \"{Printable.Of(text)}\"");
            return least;
        }

        int digits = text.TakeWhile(char.IsAsciiDigit).Count();
        int power = digits == text.Length ? 0 : 1 + "kmgt".IndexOf(char.ToLowerInvariant(text[digits]), StringComparison.Ordinal);
        decimal bytes = decimal.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture) * (1L << (10 * power));
        if (bytes < least || bytes > most)
        {
            reader.Fail(node, path, $"has to be from {least} to {most} bytes, not \"{Printable.Of(text)}\"");
            return least;
        }

        return (long)bytes;
    }

    public override void Write(Utf8JsonWriter writer, long value) => writer.WriteNumberValue(value);

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("type");
        writer.WriteStringValue("integer");
        writer.WriteStringValue("string");
        writer.WriteEndArray();
        writer.WriteString("pattern", Form);
        writer.WriteNumber("minimum", least);
        writer.WriteNumber("maximum", most);
    }

    [GeneratedRegex(Form)]
    private static partial Regex Whole();
}
