using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text;

namespace Mica.Cli.Templates;

/// <summary>The functions of a template: Go's own and those that docker adds. <c>and</c> and <c>or</c> are evaluated elsewhere.</summary>
internal static class TemplateFunctions
{
    /// <summary>How many arguments a function takes; null when there is no such function.</summary>
    public static (int Least, int Most)? Arity(string name) => name switch
    {
        "and" or "or" or "html" or "js" or "urlquery" => (name is "and" or "or" ? 1 : 0, int.MaxValue),
        "not" or "len" or "json" or "lower" or "upper" or "title" => (1, 1),
        "split" or "join" or "truncate" or "ne" or "lt" or "le" or "gt" or "ge" => (2, 2),
        "pad" => (3, 3),
        "index" or "slice" or "printf" or "eq" => (1, int.MaxValue),
        "print" or "println" => (0, int.MaxValue),
        _ => null,
    };

    public static bool Exists(string name) => Arity(name) is not null;

    /// <exception cref="FunctionException">The arguments do not fit.</exception>
    public static Value Call(string name, ImmutableArray<Value> arguments) => name switch
    {
        "not" => Value.Of(!arguments[0].IsTrue),
        "len" => Length(arguments[0]),
        "index" => Index(arguments),
        "slice" => Slice(arguments),
        "print" => Value.Of(GoFormat.Print(arguments)),
        "println" => Value.Of(GoFormat.PrintLine(arguments)),
        "printf" => Value.Of(GoPrintf.Format(Text(arguments, 0), arguments.AsSpan()[1..])),
        "html" => Value.Of(EscapeHtml(Joined(arguments))),
        "js" => Value.Of(EscapeScript(Joined(arguments))),
        "urlquery" => Value.Of(WebUtility.UrlEncode(Joined(arguments)).Replace("%7E", "~", StringComparison.Ordinal)),
        "eq" => Equal(arguments),
        "ne" => Value.Of(!TemplateComparison.AreEqual(arguments[0], arguments[1])),
        "lt" => Value.Of(TemplateComparison.Compare(arguments[0], arguments[1]) < 0),
        "le" => Value.Of(TemplateComparison.Compare(arguments[0], arguments[1]) <= 0),
        "gt" => Value.Of(TemplateComparison.Compare(arguments[0], arguments[1]) > 0),
        "ge" => Value.Of(TemplateComparison.Compare(arguments[0], arguments[1]) >= 0),
        "json" => Value.Of(JsonText.Of(arguments[0])),
        "lower" => Value.Of(Text(arguments, 0).ToLowerInvariant()),
        "upper" => Value.Of(Text(arguments, 0).ToUpperInvariant()),
        "title" => Value.Of(Title(Text(arguments, 0))),
        "split" => Split(Text(arguments, 0), Text(arguments, 1)),
        "join" => Join(arguments),
        "truncate" => Value.Of(Truncate(Text(arguments, 0), Integer(arguments, 1))),
        "pad" => Value.Of(Pad(Text(arguments, 0), Integer(arguments, 1), Integer(arguments, 2))),
        _ => throw new FunctionException("not a function"),
    };

    /// <summary>The same for the header row of a table: what changes a text leaves the title as it is.</summary>
    public static Value CallOnHeader(string name, ImmutableArray<Value> arguments) =>
        name is "json" or "title" or "lower" or "upper" or "truncate" or "split" or "join" ? arguments[0] : Call(name, arguments);

    private static IntegerValue Length(Value value) => new(value switch
    {
        TextValue text => Encoding.UTF8.GetByteCount(text.Text),
        ListValue list => list.Items.Length,
        MapValue map => map.Entries.Count,
        NullValue => throw new FunctionException("len of untyped nil"),
        _ => throw new FunctionException($"len of type {value.Kind}"),
    });

    private static Value Index(ImmutableArray<Value> arguments)
    {
        Value item = arguments[0];
        foreach (Value key in arguments.AsSpan()[1..])
        {
            item = (item, key) switch
            {
                (NullValue, _) => throw new FunctionException("index of untyped nil"),
                (ListValue list, IntegerValue at) when at.Number >= 0 && at.Number < list.Items.Length => list.Items[(int)at.Number],
                (TextValue text, IntegerValue at) when at.Number >= 0 && at.Number < Encoding.UTF8.GetByteCount(text.Text) =>
                    new IntegerValue(Encoding.UTF8.GetBytes(text.Text)[at.Number]),
                (ListValue or TextValue, IntegerValue at) => throw new FunctionException($"index out of range: {at.Number}"),
                (ListValue or TextValue, _) => throw new FunctionException($"cannot index slice/array with type {key.Kind}"),
                (MapValue map, TextValue name) => map.Entries.TryGetValue(name.Text, out Value? value) ? value
                    : map.Strict ? Value.Null : Value.Of(""),
                (MapValue, _) => throw new FunctionException($"value has type {key.Kind}; should be string"),
                _ => throw new FunctionException($"can't index item of type {item.Kind}"),
            };
        }

        return item;
    }

    private static Value Slice(ImmutableArray<Value> arguments)
    {
        int length = arguments[0] switch
        {
            TextValue text => Encoding.UTF8.GetByteCount(text.Text),
            ListValue list => list.Items.Length,
            _ => throw new FunctionException($"can't slice item of type {arguments[0].Kind}"),
        };
        if (arguments.Length > 3)
        {
            throw new FunctionException($"too many slice indexes: {arguments.Length - 1}");
        }

        int start = arguments.Length > 1 ? Bound(arguments, 1, length) : 0;
        int end = arguments.Length > 2 ? Bound(arguments, 2, length) : length;
        if (start > end)
        {
            throw new FunctionException($"invalid slice index: {start} > {end}");
        }

        return arguments[0] switch
        {
            TextValue text => Value.Of(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Text).AsSpan(start, end - start))),
            ListValue list => new ListValue(list.Items[start..end]),
            _ => Value.Null,
        };
    }

    private static int Bound(ImmutableArray<Value> arguments, int at, int length)
    {
        long bound = arguments[at] is IntegerValue number ? number.Number
            : throw new FunctionException($"cannot index slice/array with type {arguments[at].Kind}");
        return bound >= 0 && bound <= length ? (int)bound : throw new FunctionException($"index out of range: {bound}");
    }

    private static Value Equal(ImmutableArray<Value> arguments)
    {
        if (arguments.Length < 2)
        {
            throw new FunctionException("missing argument for comparison");
        }

        foreach (Value other in arguments.AsSpan()[1..])
        {
            if (TemplateComparison.AreEqual(arguments[0], other))
            {
                return Value.Of(true);
            }
        }

        return Value.Of(false);
    }

    private static Value Split(string text, string separator) => Value.Of(separator.Length > 0
        ? text.Split(separator)
        : text.EnumerateRunes().Select(rune => rune.ToString()));

    private static Value Join(ImmutableArray<Value> arguments)
    {
        string separator = Text(arguments, 1);
        return arguments[0] switch
        {
            ListValue list => Value.Of(string.Join(separator, list.Items.Select(GoFormat.Display))),
            MapValue { Strict: false } map => Value.Of(string.Join(separator, map.Entries.Select(entry => GoFormat.Display(entry.Value)))),
            Value other => throw new FunctionException($"wrong type for value; expected []string; got {other.Kind}", argument: 0),
        };
    }

    private static string Truncate(string text, int length)
    {
        if (length < 0)
        {
            throw new FunctionException($"invalid length {length}");
        }

        // Docker cuts at bytes; a character is never cut in two here.
        var kept = new StringBuilder();
        int size = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            size += rune.Utf8SequenceLength;
            if (size > length)
            {
                break;
            }

            kept.Append(rune.ToString());
        }

        return kept.ToString();
    }

    private static string Pad(string text, int before, int after) => text.Length == 0
        ? text
        : new string(' ', Width(before)) + text + new string(' ', Width(after));

    private static int Width(int count) => count is >= 0 and <= 1000 ? count : throw new FunctionException($"invalid width {count}");

    private static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        bool starts = true;
        foreach (char c in text)
        {
            result.Append(starts ? char.ToUpperInvariant(c) : c);
            starts = !char.IsLetterOrDigit(c) && c is not ('_' or '\'');
        }

        return result.ToString();
    }

    private static string Joined(ImmutableArray<Value> arguments) => GoFormat.Print(arguments);

    private static string EscapeHtml(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("\"", "&#34;", StringComparison.Ordinal)
        .Replace("'", "&#39;", StringComparison.Ordinal);

    private static string EscapeScript(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            _ = c switch
            {
                '\\' or '\'' or '"' => result.Append('\\').Append(c),
                '<' or '>' or '&' or '=' or < ' ' => result.Append("\\u").Append(((int)c).ToString("X4", CultureInfo.InvariantCulture)),
                _ => result.Append(c),
            };
        }

        return result.ToString();
    }

    private static string Text(ImmutableArray<Value> arguments, int at) => arguments[at] is TextValue text
        ? text.Text
        : throw new FunctionException($"wrong type for value; expected string; got {arguments[at].Kind}", at);

    private static int Integer(ImmutableArray<Value> arguments, int at) => arguments[at] is IntegerValue number
        ? (int)Math.Clamp(number.Number, int.MinValue, int.MaxValue)
        : throw new FunctionException($"wrong type for value; expected int; got {arguments[at].Kind}", at);
}

/// <summary>A function was given what it cannot take. <paramref name="argument"/>: the one whose type is wrong.</summary>
internal sealed class FunctionException(string message, int? argument = null) : Exception(message)
{
    public int? Argument { get; } = argument;
}
