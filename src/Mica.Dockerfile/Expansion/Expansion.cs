using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary>Text with its variables replaced, and which ones those were.</summary>
/// <param name="Text">The result as one word.</param>
/// <param name="Words">The result split at the blanks that are not quoted, those of values included.</param>
/// <param name="Used">Names that had a value.</param>
/// <param name="Undefined">Names that had none where nothing stands in for it.</param>
public sealed record Expansion(string Text, ImmutableArray<string> Words, ImmutableHashSet<string> Used, ImmutableHashSet<string> Undefined);

/// <summary>Which variables the expansions of one instruction met; a growing set, for one thread.</summary>
internal sealed class VariableUse
{
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly HashSet<string> _undefined = new(StringComparer.Ordinal);

    public void Found(string name) => _used.Add(name);

    public void Missed(string name) => _undefined.Add(name);

    public ImmutableHashSet<string> Used => _used.Count == 0 ? [] : _used.ToImmutableHashSet(StringComparer.Ordinal);

    public ImmutableHashSet<string> Undefined => _undefined.Count == 0 ? [] : _undefined.ToImmutableHashSet(StringComparer.Ordinal);
}
