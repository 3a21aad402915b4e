using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Mica.RegistryServer.Access;

/// <summary>The groups of the configuration, by the names of their users.</summary>
internal sealed class UserGroups(ImmutableSortedDictionary<string, ImmutableArray<string>> groups)
{
    private readonly FrozenDictionary<string, ImmutableArray<string>> _byUser = groups
        .SelectMany(group => group.Value.Select(user => (User: user, Group: group.Key)))
        .GroupBy(pair => pair.User, pair => pair.Group, StringComparer.Ordinal)
        .ToFrozenDictionary(pair => pair.Key, pair => pair.Distinct(StringComparer.Ordinal).ToImmutableArray(), StringComparer.Ordinal);

    /// <summary>The principal with the groups that the configuration gives it, beside those that it came with.</summary>
    public Principal Of(Principal principal) => _byUser.TryGetValue(principal.Name, out ImmutableArray<string> more)
        ? principal with { Groups = principal.Groups.IsEmpty ? more : [.. principal.Groups.Union(more)] }
        : principal;
}
