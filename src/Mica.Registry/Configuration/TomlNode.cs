namespace Mica.Registry;

/// <summary>A value of a TOML document, with the line it stands in, counted from 1.</summary>
internal abstract record TomlNode(int Line);

/// <summary>A string.</summary>
internal sealed record TomlText(string Value, int Line) : TomlNode(Line);

/// <summary>A boolean.</summary>
internal sealed record TomlFlag(bool Value, int Line) : TomlNode(Line);

/// <summary>A number or a time, which no key of ours has.</summary>
internal sealed record TomlOther(int Line) : TomlNode(Line);

/// <summary>An array; <see cref="IsOpen"/> when it was made by <c>[[name]]</c> and can grow.</summary>
internal sealed record TomlArray(List<TomlNode> Items, bool IsOpen, int Line) : TomlNode(Line);

/// <summary>A table; <see cref="IsOpen"/> while only the names of tables in it have made it, so that <c>[name]</c> may still come.</summary>
internal sealed record TomlTable(int Line) : TomlNode(Line)
{
    public Dictionary<string, TomlNode> Members { get; } = new(StringComparer.Ordinal);

    public bool IsOpen { get; set; }
}
