using System.Collections.Immutable;
using Mica.RegistryServer.Manifests;

namespace Mica.RegistryServer.Access;

/// <summary>A line of the access rules: these subjects have these rights in these repositories.</summary>
public sealed record AccessRule
{
    /// <summary>Everybody, with a name or without.</summary>
    public const string Anybody = "anonymous";

    /// <summary>Everybody with a name.</summary>
    public const string Anyone = "*";

    /// <summary>Names of users, <c>robot:NAME</c>, <c>group:NAME</c>, <c>*</c> or <c>anonymous</c>.</summary>
    public required ImmutableArray<string> Subjects { get; init; }

    /// <summary>Patterns over names of repositories; <c>**</c> is all of them.</summary>
    public required ImmutableArray<string> Repositories { get; init; }

    /// <summary>What they may do there.</summary>
    public required Rights Rights { get; init; }
}

/// <summary>Who may do what: the sum of all rules that fit.</summary>
internal sealed class AccessPolicy
{
    private readonly ImmutableArray<(AccessRule Rule, ImmutableArray<NamePattern> Patterns)> _rules;
    private readonly bool _isOpen;

    /// <param name="rules">The rules.</param>
    /// <param name="isOpen">Nobody is asked who they are, and everybody may do everything.</param>
    public AccessPolicy(ImmutableArray<AccessRule> rules, bool isOpen)
    {
        _rules = [.. rules.Select(rule => (rule, rule.Repositories.Select(NamePattern.Parse).ToImmutableArray()))];
        _isOpen = isOpen;
    }

    /// <summary>Nobody needs a name.</summary>
    public bool IsOpen => _isOpen;

    /// <summary>Whether the principal has all of <paramref name="wanted"/>.</summary>
    public bool Allows(Principal principal, string repository, Rights wanted) => (Of(principal, repository) & wanted) == wanted;

    /// <summary>Whether somebody without a name may read anything at all.</summary>
    public bool IsPublic => _isOpen
        || _rules.Any(rule => (rule.Rule.Rights & Rights.Read) != 0 && rule.Rule.Subjects.Contains(AccessRule.Anybody));

    /// <summary>Whether any rule is about the group.</summary>
    public bool Mentions(string group) => _rules.Any(rule => rule.Rule.Subjects.Contains("group:" + group));

    /// <summary>What the principal may do in the repository.</summary>
    public Rights Of(Principal principal, string repository)
    {
        Rights granted = Rights.All;
        if (principal.Grants is { } grants)
        {
            granted = grants.Where(grant => grant.Repository == repository).Aggregate(Rights.None, (sum, grant) => sum | grant.Rights);
        }

        return principal.IsVouchedFor || _isOpen ? granted : granted & Ruled(principal, repository);
    }

    private Rights Ruled(Principal principal, string repository)
    {
        Rights rights = principal.OwnRights?.In(repository) ?? Rights.None;
        foreach ((AccessRule rule, ImmutableArray<NamePattern> patterns) in _rules)
        {
            if ((rule.Rights & ~rights) != 0
                && rule.Subjects.Any(subject => Is(principal, subject))
                && patterns.Any(pattern => pattern.Matches(repository)))
            {
                rights |= rule.Rights;
            }
        }

        return rights;
    }

    private static bool Is(Principal principal, string subject) => subject switch
    {
        AccessRule.Anybody => true,
        AccessRule.Anyone => !principal.IsAnonymous,
        _ when principal.IsAnonymous => false,
        _ when subject.StartsWith("group:", StringComparison.Ordinal) => principal.Groups.Contains(subject["group:".Length..]),
        _ => subject == principal.Name,
    };
}

/// <summary>Rights that belong to one principal: in the repositories that fit one of the patterns.</summary>
internal sealed class OwnRights(ImmutableArray<NamePattern> repositories, Rights rights)
{
    public Rights In(string repository) => repositories.Any(pattern => pattern.Matches(repository)) ? rights : Rights.None;
}
