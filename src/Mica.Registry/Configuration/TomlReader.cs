using System.Globalization;
using System.Text;
using Mica.Oci;
using Tomlyn;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Mica.Registry;

/// <summary>
/// Reads a TOML file into nodes that know their lines. Tomlyn reads the syntax; the tree is ours, since its own one is made by
/// reflection and knows no lines, and its validator refuses arrays of tables that are nested in different ways.
/// </summary>
internal sealed class TomlReader
{
    private readonly string _path;
    private readonly TomlTable _root = new(1);

    private TomlReader(string path) => _path = path;

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: malformed; the message has file and line.</exception>
    public static TomlTable Read(string path, byte[] content)
    {
        var reader = new TomlReader(path);
        try
        {
            string text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(content);
            DocumentSyntax document = reader.Parse(text);
            if (document.Diagnostics.FirstOrDefault(each => each.Kind == DiagnosticMessageKind.Error) is { } problem)
            {
                throw reader.Malformed(problem.Span.Start.Line + 1, problem.Message);
            }

            reader.Add(document);
            return reader._root;
        }
        catch (DecoderFallbackException)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: not UTF-8");
        }
        catch (TomlException error)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: malformed TOML ({Printable.Of(error.Message)})", error);
        }
    }

    private DocumentSyntax Parse(string text)
    {
        try
        {
            return SyntaxParser.Parse(text, _path, validate: false);
        }
        catch (ArgumentOutOfRangeException)
        {
            // Tomlyn fails so where the file ends behind a backslash: it wants to show the character there.
            throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(_path)}: malformed TOML (a string does not end)");
        }
    }

    private void Add(DocumentSyntax document)
    {
        foreach (KeyValueSyntax pair in document.KeyValues)
        {
            Add(_root, pair);
        }

        foreach (TableSyntaxBase section in document.Tables)
        {
            TomlTable table = Open(section);
            foreach (KeyValueSyntax pair in section.Items)
            {
                Add(table, pair);
            }
        }
    }

    /// <summary>The table that <c>[name]</c> or <c>[[name]]</c> begins.</summary>
    private TomlTable Open(TableSyntaxBase section)
    {
        int line = LineOf(section);
        string[] names = NamesOf(section.Name);
        TomlTable parent = Descend(_root, names[..^1], line);
        var opened = new TomlTable(line);
        if (section is TableArraySyntax)
        {
            if (!parent.Members.TryGetValue(names[^1], out TomlNode? existing))
            {
                parent.Members[names[^1]] = existing = new TomlArray([], IsOpen: true, line);
            }

            if (existing is not TomlArray { IsOpen: true } array)
            {
                throw Malformed(line, $"{names[^1]} is defined in line {existing.Line} as something else");
            }

            array.Items.Add(opened);
            return opened;
        }

        if (parent.Members.TryGetValue(names[^1], out TomlNode? before))
        {
            opened = before is TomlTable { IsOpen: true } table ? table : throw Malformed(line, $"{names[^1]} is defined in line {before.Line} already");
            opened.IsOpen = false;
            return opened;
        }

        parent.Members[names[^1]] = opened;
        return opened;
    }

    private void Add(TomlTable table, KeyValueSyntax pair)
    {
        int line = LineOf(pair);
        string[] names = NamesOf(pair.Key);
        TomlTable parent = Descend(table, names[..^1], line);
        if (!parent.Members.TryAdd(names[^1], ValueOf(pair.Value, line)))
        {
            throw Malformed(line, $"{names[^1]} is defined in line {parent.Members[names[^1]].Line} already");
        }
    }

    private TomlTable Descend(TomlTable table, string[] names, int line)
    {
        foreach (string name in names)
        {
            if (!table.Members.TryGetValue(name, out TomlNode? next))
            {
                table.Members[name] = next = new TomlTable(line) { IsOpen = true };
            }

            table = next switch
            {
                TomlTable inner => inner,
                TomlArray { IsOpen: true } array => (TomlTable)array.Items[^1],
                _ => throw Malformed(line, $"{name} is defined in line {next.Line} and is not a table"),
            };
        }

        return table;
    }

    private TomlNode ValueOf(ValueSyntax? value, int line)
    {
        switch (value)
        {
            case StringValueSyntax text:
                return new TomlText(text.Value ?? "", line);
            case BooleanValueSyntax flag:
                return new TomlFlag(flag.Value, line);
            case ArraySyntax array:
                return new TomlArray([.. array.Items.Select(item => ValueOf(item.Value, LineOf(item)))], IsOpen: false, line);
            case InlineTableSyntax inline:
                var table = new TomlTable(line);
                foreach (InlineTableItemSyntax item in inline.Items)
                {
                    Add(table, item.KeyValue!);
                }

                return table;
            default:
                return new TomlOther(line);
        }
    }

    private static string[] NamesOf(KeySyntax? key) =>
        [NameOf(key?.Key), .. key?.DotKeys.Select(part => NameOf(part.Key)) ?? []];

    private static string NameOf(BareKeyOrStringValueSyntax? part) => part switch
    {
        BareKeySyntax bare => bare.Key?.Text ?? "",
        StringValueSyntax quoted => quoted.Value ?? "",
        _ => "",
    };

    private static int LineOf(SyntaxNodeBase node) => node.Span.Start.Line + 1;

    private MicaException Malformed(int line, string problem) => new(ErrorKind.InvalidArgument,
        string.Create(CultureInfo.InvariantCulture, $"{Printable.Of(_path)}:{line}: malformed TOML ({Printable.Of(problem)})"));
}
