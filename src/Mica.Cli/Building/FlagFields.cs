using Mica.Cli.CommandLine;
using Mica.Oci;

namespace Mica.Cli.Building;

/// <summary>The value of an option that is itself a list: <c>key=value,key=value</c>, a field with commas in double quotes.</summary>
internal sealed class FlagFields
{
    private readonly string _option;
    private readonly List<(string Key, string? Value)> _fields;

    private FlagFields(string option, List<(string Key, string? Value)> fields)
    {
        _option = option;
        _fields = fields;
    }

    /// <summary>The fields that were not taken.</summary>
    public IReadOnlyList<(string Key, string? Value)> Left => _fields;

    public static FlagFields Parse(string text, string option) => new(option, [.. Split(text).Select(BuildFlag.Pair)]);

    /// <summary>The value of a field, which is taken out; null when it is not there.</summary>
    public string? Take(string key)
    {
        int index = _fields.FindIndex(field => field.Key.Equals(key, StringComparison.OrdinalIgnoreCase));
        if (index < 0)
        {
            return null;
        }

        string? value = _fields[index].Value ?? throw Invalid($"{Printable.Of(key)} has no value");
        _fields.RemoveAt(index);
        return value;
    }

    /// <summary>Whether a field that needs no value is there, and not <c>false</c>; it is taken out.</summary>
    public bool TakeFlag(string key)
    {
        int index = _fields.FindIndex(field => field.Key.Equals(key, StringComparison.OrdinalIgnoreCase));
        if (index < 0)
        {
            return false;
        }

        string? value = _fields[index].Value;
        _fields.RemoveAt(index);
        return value is null ? true : CliOption.ParseBoolean(value) ?? throw Invalid($"{Printable.Of(key)}: {Printable.Of(value)} is neither true nor false");
    }

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: there are fields that nobody knows.</exception>
    public void RequireEmpty()
    {
        if (_fields is [var first, ..])
        {
            throw Invalid($"unexpected key '{Printable.Of(first.Key)}'");
        }
    }

    public MicaException Invalid(string problem) => new(ErrorKind.InvalidArgument, $"invalid --{_option}: {problem}");

    private static IEnumerable<string> Split(string text)
    {
        int start = 0;
        bool quoted = false;
        for (int i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && text[i] == '"')
            {
                quoted = !quoted;
            }
            else if (i == text.Length || (text[i] == ',' && !quoted))
            {
                string field = text[start..i].Replace("\"", "", StringComparison.Ordinal).Trim();
                start = i + 1;
                if (field.Length > 0)
                {
                    yield return field;
                }
            }
        }
    }
}
