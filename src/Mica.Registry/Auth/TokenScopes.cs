using System.Collections.Immutable;

namespace Mica.Registry;

/// <summary>
/// What a token is to allow: actions on resources, such as <c>repository:library/debian:pull,push</c>. Always sorted, so
/// that equal sets are asked for in equal words.
/// </summary>
internal sealed class TokenScopes
{
    private const int MaxEntries = 64;

    private readonly ImmutableSortedSet<(string Resource, string Action)> _entries;

    private TokenScopes(ImmutableSortedSet<(string Resource, string Action)> entries) => _entries = entries;

    /// <summary>Nothing in particular: a login check.</summary>
    public static TokenScopes None { get; } = new(ImmutableSortedSet.Create<(string, string)>(EntryOrder.Instance));

    public static TokenScopes Pull(string repository) => Of(repository, "pull");

    public static TokenScopes Push(string repository) => Of(repository, "pull", "push");

    public static TokenScopes Delete(string repository) => Of(repository, "delete", "pull");

    /// <summary>The scopes in a challenge, separated by spaces. What is not of the form <c>type:name:actions</c> is left out.</summary>
    public static TokenScopes Parse(string? text)
    {
        var entries = ImmutableSortedSet.CreateBuilder<(string, string)>(EntryOrder.Instance);
        foreach (string scope in (text ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(MaxEntries))
        {
            int first = scope.IndexOf(':', StringComparison.Ordinal);
            int last = scope.LastIndexOf(':');
            if (first > 0 && last > first)
            {
                entries.UnionWith(scope[(last + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries).Take(MaxEntries)
                    .Select(action => (scope[..last], action)));
            }
        }

        return new TokenScopes(entries.ToImmutable());
    }

    public TokenScopes Union(TokenScopes other) => new(_entries.Union(other._entries));

    /// <summary>Whether a token for these may do all that <paramref name="other"/> asks.</summary>
    public bool Covers(TokenScopes other) => _entries.IsSupersetOf(other._entries);

    /// <summary>One text per resource, as the token server takes them.</summary>
    public IEnumerable<string> ToTexts() => _entries
        .GroupBy(entry => entry.Resource, StringComparer.Ordinal)
        .Select(resource => $"{resource.Key}:{string.Join(',', resource.Select(entry => entry.Action))}");

    public override string ToString() => string.Join(' ', ToTexts());

    private static TokenScopes Of(string repository, params string[] actions) =>
        new(actions.Select(action => ($"repository:{repository}", action)).ToImmutableSortedSet(EntryOrder.Instance));

    private sealed class EntryOrder : IComparer<(string Resource, string Action)>
    {
        public static EntryOrder Instance { get; } = new();

        public int Compare((string Resource, string Action) left, (string Resource, string Action) right)
        {
            int order = string.CompareOrdinal(left.Resource, right.Resource);
            return order != 0 ? order : string.CompareOrdinal(left.Action, right.Action);
        }
    }
}
