namespace Mica.Cli.Templates;

/// <summary>Comparison by Go's rules: only basic values, and only with their own kind.</summary>
internal static class TemplateComparison
{
    /// <exception cref="FunctionException">Different kinds, or values that have no equality.</exception>
    public static bool AreEqual(Value left, Value right) => (left, right) switch
    {
        (NullValue, _) or (_, NullValue) => left is NullValue && right is NullValue,
        (BooleanValue a, BooleanValue b) => a.Truth == b.Truth,
        (IntegerValue a, IntegerValue b) => a.Number == b.Number,
        (FloatValue a, FloatValue b) => a.Number.Equals(b.Number),
        (TextValue a, TextValue b) => a.Text == b.Text,
        (ListValue or MapValue or RowValue, _) => throw new FunctionException($"non-comparable type {GoFormat.Display(left)}: {left.Kind}"),
        _ => throw new FunctionException("incompatible types for comparison"),
    };

    /// <exception cref="FunctionException">Different kinds, or values that have no order.</exception>
    public static int Compare(Value left, Value right) => (left, right) switch
    {
        (IntegerValue a, IntegerValue b) => a.Number.CompareTo(b.Number),
        (FloatValue a, FloatValue b) => a.Number.CompareTo(b.Number),
        (TextValue a, TextValue b) => string.CompareOrdinal(a.Text, b.Text),
        (BooleanValue, BooleanValue) or (NullValue or ListValue or MapValue or RowValue, _) =>
            throw new FunctionException("invalid type for comparison"),
        _ => throw new FunctionException("incompatible types for comparison"),
    };
}
