using System.Collections.Immutable;
using System.Text.Json;

namespace Mica.Cli.Templates;

/// <summary>
/// What a template computes with: JSON's kinds, seen the way Go's <c>text/template</c> sees the values that docker gives it.
/// </summary>
internal abstract record Value
{
    /// <summary>Nothing: JSON's null, or an entry that a map does not have.</summary>
    public static Value Null { get; } = new NullValue();

    /// <summary>The empty string, numbers that are zero, and empty collections are false; so is null.</summary>
    public abstract bool IsTrue { get; }

    /// <summary>The kind in Go's words, for messages.</summary>
    public abstract string Kind { get; }

    public static Value Of(string? text) => text is null ? Null : new TextValue(text);

    public static Value Of(long number) => new IntegerValue(number);

    public static Value Of(bool truth) => new BooleanValue(truth);

    public static Value Of(IEnumerable<string> items) => new ListValue([.. items.Select(Of)]);

    /// <summary>
    /// The value of a JSON document. <paramref name="shape"/> says of a member's name what Go's struct declares there, because
    /// that decides what a missing entry and a null mean.
    /// </summary>
    public static Value Of(JsonElement json, Func<string, MemberShape> shape) => Of(json, shape, MemberShape.Plain);

    private static Value Of(JsonElement json, Func<string, MemberShape> shape, MemberShape member)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var entries = ImmutableSortedDictionary.CreateBuilder<string, Value>(StringComparer.Ordinal);
                foreach (JsonProperty property in json.EnumerateObject())
                {
                    // Inside a map the keys are the user's, not names of members.
                    entries[property.Name] = Of(property.Value, shape, member == MemberShape.Map ? MemberShape.Plain : shape(property.Name));
                }

                return new MapValue(entries.ToImmutable(), Strict: member != MemberShape.Map) { Json = json };
            case JsonValueKind.Array:
                return new ListValue([.. json.EnumerateArray().Select(item => Of(item, shape, MemberShape.Plain))]);
            case JsonValueKind.String:
                return new TextValue(json.GetString() ?? "");
            case JsonValueKind.Number:
                return json.TryGetInt64(out long integer) ? new IntegerValue(integer) : new FloatValue(json.GetDouble());
            case JsonValueKind.True or JsonValueKind.False:
                return Of(json.GetBoolean());
            default:
                return member switch
                {
                    MemberShape.List => ListValue.Nil,
                    MemberShape.Map => MapValue.Nil,
                    _ => Null,
                };
        }
    }
}

/// <summary>What the Go struct that docker decodes a JSON object into declares for one member.</summary>
internal enum MemberShape
{
    /// <summary>A struct, a pointer or a basic type.</summary>
    Plain,

    /// <summary>A slice: null is the empty slice.</summary>
    List,

    /// <summary>A map: null is the empty map, and a key that is not there is no error.</summary>
    Map,
}

internal sealed record NullValue : Value
{
    public override bool IsTrue => false;

    public override string Kind => "nil";
}

internal sealed record BooleanValue(bool Truth) : Value
{
    public override bool IsTrue => Truth;

    public override string Kind => "bool";
}

internal sealed record IntegerValue(long Number) : Value
{
    public override bool IsTrue => Number != 0;

    public override string Kind => "int";
}

internal sealed record FloatValue(double Number) : Value
{
    public override bool IsTrue => Number != 0;

    public override string Kind => "float64";
}

internal sealed record TextValue(string Text) : Value
{
    public override bool IsTrue => Text.Length > 0;

    public override string Kind => "string";
}

/// <summary>A slice. A nil one prints like an empty one, but is null in JSON.</summary>
internal sealed record ListValue(ImmutableArray<Value> Items, bool IsNil = false) : Value
{
    public static ListValue Nil { get; } = new([], IsNil: true);

    public override bool IsTrue => Items.Length > 0;

    public override string Kind => "[]string";
}

/// <summary>A map, ordered by key as Go prints and ranges over it. In a strict one a missing key is an error.</summary>
internal sealed record MapValue(ImmutableSortedDictionary<string, Value> Entries, bool Strict, bool IsNil = false) : Value
{
    public static MapValue Nil { get; } = new(ImmutableSortedDictionary<string, Value>.Empty, Strict: false, IsNil: true);

    /// <summary>The object that this was read from, so that <c>json</c> writes the members in their own order.</summary>
    public JsonElement? Json { get; init; }

    public override bool IsTrue => Entries.Count > 0;

    public override string Kind => "map[string]interface {}";
}

/// <summary>One row of a listing: the placeholders that a command's <c>--format</c> has.</summary>
internal sealed record RowValue(string Type, ImmutableArray<KeyValuePair<string, Value>> Columns) : Value
{
    public override bool IsTrue => true;

    public override string Kind => Type;
}
