using System.Collections.Immutable;
using System.Text;
using Mica.Cli.Templates;

namespace Mica.Cli.Rendering;

/// <summary>A column of a listing: its placeholder and the title it has in tables.</summary>
internal readonly record struct Column(string Name, string Title);

/// <summary>
/// What a listing consists of, and how <c>--format</c> is read for it: nothing or <c>table</c> for the usual table,
/// <c>table TEMPLATE</c>, <c>raw</c>, <c>json</c>, or a template for each row.
/// </summary>
internal sealed record Listing(string Type, ImmutableArray<Column> Columns)
{
    /// <summary>The template of the usual table.</summary>
    public required string Table { get; init; }

    /// <summary>The template of <c>-q</c>.</summary>
    public string Quiet { get; init; } = "{{.ID}}";

    /// <summary>The template of <c>raw</c>, docker's old format for scripts.</summary>
    public string Raw { get; init; } = "";

    /// <summary>The same for <c>raw</c> with <c>-q</c>.</summary>
    public string RawQuiet { get; init; } = "";

    /// <summary>A row; one value for each column, in their order.</summary>
    public RowValue Row(params ReadOnlySpan<string> values)
    {
        var columns = ImmutableArray.CreateBuilder<KeyValuePair<string, Value>>(Columns.Length);
        for (int i = 0; i < Columns.Length; i++)
        {
            columns.Add(new(Columns[i].Name, Value.Of(values[i])));
        }

        return new RowValue(Type, columns.MoveToImmutable());
    }

    /// <summary>The text of the listing.</summary>
    /// <exception cref="TemplateException">The template is malformed, or names a column that there is not.</exception>
    public string Render(string? format, bool quiet, IEnumerable<RowValue> rows)
    {
        format = format is null or "" ? "table" : format;
        if (format == "table")
        {
            return quiet ? RenderRows(Quiet, rows) : RenderTable(Table, rows);
        }

        if (format.StartsWith("table", StringComparison.Ordinal))
        {
            return RenderTable(format["table".Length..].Trim(' '), rows);
        }

        return RenderRows(format switch
        {
            "json" => "{{json .}}",
            "raw" => quiet ? RawQuiet : Raw,
            _ => format,
        }, rows);
    }

    /// <summary>The shell leaves <c>\t</c> and <c>\n</c> as they are; docker takes them for the characters.</summary>
    public static string Unescape(string template) =>
        template.Replace("\\t", "\t", StringComparison.Ordinal).Replace("\\n", "\n", StringComparison.Ordinal);

    private static string RenderRows(string format, IEnumerable<RowValue> rows)
    {
        var template = Template.Parse(Unescape(format));
        var text = new StringBuilder();
        foreach (RowValue row in rows)
        {
            text.Append(template.Apply(row)).Append('\n');
        }

        return text.ToString();
    }

    private string RenderTable(string format, IEnumerable<RowValue> rows)
    {
        var template = Template.Parse(Unescape(format));
        var titles = new RowValue(Type, [.. Columns.Select(column => new KeyValuePair<string, Value>(column.Name, Value.Of(column.Title)))]);
        var table = new TextTable();
        table.AddText(template.ApplyToHeader(titles));
        foreach (RowValue row in rows)
        {
            table.AddText(template.Apply(row));
        }

        return table.ToString();
    }
}
