using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Mica.Oci;

namespace Mica.RegistryServer.Configuration;

/// <summary>Text. What YAML takes for a number or a truth value is none, unless it is quoted.</summary>
internal class TextSetting : Setting<string>
{
    private readonly int _least;

    /// <param name="mayBeEmpty">No characters are text too.</param>
    public TextSetting(bool mayBeEmpty = false) => _least = mayBeEmpty ? 0 : 1;

    public override string Read(ConfigurationNode node, string path, SettingReader reader)
    {
        if (Scalar(node, path, reader, "text") is not { } text)
        {
            return "";
        }

        if (node is ScalarNode { Form: ScalarForm.Plain } && (text is "true" or "false" or "True" or "False" or "TRUE" or "FALSE"
            || double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)))
        {
            reader.Fail(node, path, $"has to be text: write \"{text}\" in quotes");
        }
        else if (text.Length < _least)
        {
            reader.Fail(node, path, "may not be empty");
        }

        return text;
    }

    public override void Write(Utf8JsonWriter writer, string value) => writer.WriteStringValue(value);

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "string");
        if (_least > 0)
        {
            writer.WriteNumber("minLength", _least);
        }
    }
}

/// <summary>The path of a file or a directory; a relative one is relative to the file that says it.</summary>
internal sealed class PathSetting : TextSetting
{
    public override string Read(ConfigurationNode node, string path, SettingReader reader) =>
        base.Read(node, path, reader) is { Length: > 0 } text ? reader.FullPath(text) : "";
}

/// <summary>A whole number.</summary>
internal sealed class NumberSetting(int least, int most) : Setting<int>
{
    public override int Read(ConfigurationNode node, string path, SettingReader reader)
    {
        string expected = $"a number from {least} to {most}";
        if (Scalar(node, path, reader, expected) is not { } text)
        {
            return least;
        }

        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
            && number >= least && number <= most && node is not ScalarNode { Form: ScalarForm.Quoted })
        {
            return number;
        }

        reader.Fail(node, path, $"has to be {expected}, not {Quote(text)}");
        return least;
    }

    public override void Write(Utf8JsonWriter writer, int value) => writer.WriteNumberValue(value);

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "integer");
        writer.WriteNumber("minimum", least);
        writer.WriteNumber("maximum", most);
    }

    private static string Quote(string text) => $"\"{Printable.Of(text)}\"";
}

/// <summary>True or false.</summary>
internal sealed class FlagSetting : Setting<bool>
{
    public override bool Read(ConfigurationNode node, string path, SettingReader reader)
    {
        if (Scalar(node, path, reader, "true or false") is not { } text)
        {
            return false;
        }

        if (text is not ("true" or "false") || node is ScalarNode { Form: ScalarForm.Quoted })
        {
            reader.Fail(node, path, $"has to be true or false, not \"{Printable.Of(text)}\"");
        }

        return text == "true";
    }

    public override void Write(Utf8JsonWriter writer, bool value) => writer.WriteBooleanValue(value);

    public override void WriteSchema(Utf8JsonWriter writer) => writer.WriteString("type", "boolean");
}

/// <summary>An absolute address of HTTP, without a user's name and password: those belong into files.</summary>
internal sealed class AddressSetting : Setting<Uri>
{
    private static readonly Uri s_none = new("http://invalid/");

    public override Uri Read(ConfigurationNode node, string path, SettingReader reader)
    {
        if (Scalar(node, path, reader, "an address") is not { } text)
        {
            return s_none;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https") || address.Host.Length == 0)
        {
            reader.Fail(node, path, $"has to be an address such as https://registry.example.com, not \"{Printable.Of(text)}\"");
            return s_none;
        }

        if (address.UserInfo.Length > 0)
        {
            reader.Fail(node, path, "may not have a user and password in it");
        }

        return address;
    }

    public override void Write(Utf8JsonWriter writer, Uri value) => writer.WriteStringValue(value.ToString());

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "string");
        writer.WriteString("format", "uri");
        writer.WriteString("pattern", "^[Hh][Tt][Tt][Pp][Ss]?://[^/@]+(/.*)?$");
    }
}

/// <summary>An IP address and a port; <c>:5000</c> is every address.</summary>
internal sealed class EndpointSetting : Setting<IPEndPoint>
{
    /// <summary>Null: it is none.</summary>
    public static IPEndPoint? Parse(string text)
    {
        string whole = text.StartsWith(':') ? "0.0.0.0" + text : text.Replace("localhost:", "127.0.0.1:", StringComparison.Ordinal);
        int colon = whole.LastIndexOf(':');
        return colon > 0 && colon > whole.LastIndexOf(']') && IPEndPoint.TryParse(whole, out IPEndPoint? endpoint) ? endpoint : null;
    }

    public override IPEndPoint Read(ConfigurationNode node, string path, SettingReader reader)
    {
        const string Expected = "an address and a port, such as 127.0.0.1:5000 or [::]:5000";
        if (Scalar(node, path, reader, Expected) is not { } text)
        {
            return new IPEndPoint(0, 0);
        }

        if (Parse(text) is { } endpoint)
        {
            return endpoint;
        }

        reader.Fail(node, path, $"has to be {Expected}, not \"{Printable.Of(text)}\"");
        return new IPEndPoint(0, 0);
    }

    public override void Write(Utf8JsonWriter writer, IPEndPoint value) => writer.WriteStringValue(value.ToString());

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "string");
        writer.WriteString("pattern", "^(|localhost|[0-9.]+|\\[[0-9A-Fa-f:.%]+\\]):[0-9]{1,5}$");
    }
}

/// <summary>One of some words.</summary>
internal sealed class ChoiceSetting<T>(ImmutableArray<(string Word, T Value)> choices) : Setting<T>
{
    public override T Read(ConfigurationNode node, string path, SettingReader reader)
    {
        string words = string.Join(", ", choices.Select(choice => choice.Word));
        if (Scalar(node, path, reader, $"one of {words}") is not { } text)
        {
            return choices[0].Value;
        }

        foreach ((string word, T value) in choices)
        {
            if (word == text)
            {
                return value;
            }
        }

        string hint = SimilarName.Of(text, choices.Select(choice => choice.Word)) is { } meant ? $"; did you mean {meant}?" : "";
        reader.Fail(node, path, $"has to be one of {words}, not \"{Printable.Of(text)}\"{hint}");
        return choices[0].Value;
    }

    public override void Write(Utf8JsonWriter writer, T value) =>
        writer.WriteStringValue(choices.First(choice => EqualityComparer<T>.Default.Equals(choice.Value, value)).Word);

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("enum");
        foreach ((string word, _) in choices)
        {
            writer.WriteStringValue(word);
        }

        writer.WriteEndArray();
    }
}
