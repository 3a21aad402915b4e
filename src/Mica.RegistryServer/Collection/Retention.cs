using System.Collections.Immutable;
using System.Globalization;
using Mica.Oci;
using Mica.RegistryServer.Events;
using Mica.RegistryServer.Manifests;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Collection;

/// <summary>What the retention rules say of one tag.</summary>
/// <param name="Repository">Its repository.</param>
/// <param name="Tag">The tag.</param>
/// <param name="Digest">What it stands for.</param>
/// <param name="IsKept">It stays.</param>
/// <param name="Reason">Why it stays or goes.</param>
public sealed record RetentionDecision(string Repository, string Tag, Digest Digest, bool IsKept, string Reason);

/// <summary>
/// Applies the retention rules: of the repositories that a rule is about, tags that none of its reasons keeps are removed, as
/// the user <c>retention</c>. What they stood for stays for the grace time, and the removal can be undone.
/// </summary>
internal sealed class Retention(MetadataDatabase metadata, ImmutableArray<RetentionRule> rules, TagRules tagRules, TimeProvider time)
{
    private const long Batch = 500;
    private const string Who = "retention";

    private readonly ImmutableArray<(RetentionRule Rule, ImmutableArray<NamePattern> Repositories, ImmutableArray<NamePattern> Tags)> _rules =
        [.. rules.Select(rule => (rule, Patterns(rule.Repositories), Patterns(rule.KeepTags)))];

    /// <summary>Takes what happened; null where nobody wants to know.</summary>
    public EventOutbox? Events { get; init; }

    /// <summary>Decides over every tag that a rule is about, and removes what goes unless it is a trial.</summary>
    public async IAsyncEnumerable<RetentionDecision> RunAsync(
        bool isTrial, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string last = "";
        while (!_rules.IsEmpty)
        {
            List<string> page = await metadata.ReadAsync(session => RepositoryRows.ListAsync(session, last, Batch), cancellationToken);
            foreach (string repository in page)
            {
                foreach (RetentionDecision decision in await DecideAsync(repository, cancellationToken))
                {
                    if (decision.IsKept || isTrial || await RemoveAsync(decision, cancellationToken))
                    {
                        yield return decision;
                    }
                }
            }

            if (page.Count < Batch)
            {
                yield break;
            }

            last = page[^1];
        }
    }

    /// <summary>Removes manifests that were pushed by digest and never had a tag, where a rule says for how long they stay.</summary>
    public async Task ForgetUntaggedAsync(CancellationToken cancellationToken)
    {
        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        string last = "";
        while (_rules.Any(rule => rule.Rule.KeepUntagged is not null))
        {
            List<string> page = await metadata.ReadAsync(session => RepositoryRows.ListAsync(session, last, Batch), cancellationToken);
            foreach (string repository in page)
            {
                if (RuleOf(repository)?.Rule.KeepUntagged is { } time)
                {
                    // From now on they are what any other manifest is that a tag has left.
                    await metadata.WriteAsync(
                        session => session.RunAsync(
                            """
                            UPDATE manifests SET untagged = $4, due = 0 WHERE untagged = $1 AND pushed < $2
                              AND repository = (SELECT id FROM repositories WHERE name = $3)
                            """,
                            StoredManifest.NeverTagged,
                            now - (long)time.TotalMilliseconds,
                            repository,
                            now),
                        cancellationToken);
                }
            }

            if (page.Count < Batch)
            {
                return;
            }

            last = page[^1];
        }
    }

    private async Task<List<RetentionDecision>> DecideAsync(string repository, CancellationToken cancellationToken)
    {
        var decisions = new List<RetentionDecision>();
        if (RuleOf(repository) is not { } rule)
        {
            return decisions;
        }

        List<(string Tag, Digest Digest, long Moved, long Pulled)> tags = await metadata.ReadAsync(
            session => session.ListAsync(
                """
                SELECT t.name, t.digest, t.moved, m.pulled FROM repositories r JOIN tags t ON t.repository = r.id
                  JOIN manifests m ON m.repository = r.id AND m.digest = t.digest
                WHERE r.name = $1 ORDER BY t.moved DESC, t.name
                """,
                static row => (row.GetString(0), Digest.Parse(row.GetString(1)), row.GetInt64(2), row.GetInt64(3)),
                repository),
            cancellationToken);
        for (int place = 0; place < tags.Count; place++)
        {
            (string tag, Digest digest, long moved, long pulled) = tags[place];
            string? reason = tagRules.IsImmutable(repository, tag) ? "immutable" : Reason(rule.Rule, rule.Tags, tag, place, moved, pulled);
            decisions.Add(new RetentionDecision(repository, tag, digest, reason is not null, reason ?? Lack(rule.Rule, place, moved, pulled)));
        }

        return decisions;
    }

    private string? Reason(RetentionRule rule, ImmutableArray<NamePattern> patterns, string tag, int place, long moved, long pulled)
    {
        if (patterns.FirstOrDefault(pattern => pattern.Matches(tag)) is { } fits)
        {
            return $"matches {fits.Text}";
        }

        return place < rule.KeepLast ? $"number {place + 1} of the last {rule.KeepLast}"
            : Age(moved) is { } pushed && pushed < rule.KeepPushedWithin ? $"pushed {Text(pushed)} ago"
            : Age(pulled) is { } used && used < rule.KeepPulledWithin ? $"pulled {Text(used)} ago"
            : null;
    }

    private string Lack(RetentionRule rule, int place, long moved, long pulled)
    {
        string used = rule.KeepPulledWithin == TimeSpan.Zero ? ""
            : Age(pulled) is { } age ? $", pulled {Text(age)} ago" : ", never pulled";
        return $"number {place + 1}, pushed {Text(Age(moved)!.Value)} ago{used}; no pattern keeps it";
    }

    private TimeSpan? Age(long since) => since == 0 ? null : time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(since);

    private static string Text(TimeSpan age) => age.TotalDays >= 2 ? string.Create(CultureInfo.InvariantCulture, $"{(int)age.TotalDays} days")
        : age.TotalHours >= 2 ? string.Create(CultureInfo.InvariantCulture, $"{(int)age.TotalHours} hours")
        : string.Create(CultureInfo.InvariantCulture, $"{(int)age.TotalMinutes} minutes");

    /// <summary>False when the tag has moved since it was looked at.</summary>
    private Task<bool> RemoveAsync(RetentionDecision decision, CancellationToken cancellationToken) => metadata.WriteAsync(
        async session =>
        {
            long now = time.GetUtcNow().ToUnixTimeMilliseconds();
            if (await RepositoryRows.FindAsync(session, decision.Repository) is not { } id
                || await TagRows.FindAsync(session, id, decision.Tag) != decision.Digest
                || await TagRows.RemoveAsync(session, id, decision.Repository, decision.Tag, Who, now) is not { } was)
            {
                return false;
            }

            if (Events is not null)
            {
                await Events.MovedAsync(session, decision.Repository, decision.Tag, was, null, Who, now);
            }

            return true;
        },
        cancellationToken);

    private (RetentionRule Rule, ImmutableArray<NamePattern> Tags)? RuleOf(string repository)
    {
        foreach ((RetentionRule rule, ImmutableArray<NamePattern> repositories, ImmutableArray<NamePattern> tags) in _rules)
        {
            if (repositories.Any(pattern => pattern.Matches(repository)))
            {
                return (rule, tags);
            }
        }

        return null;
    }

    private static ImmutableArray<NamePattern> Patterns(ImmutableArray<string> texts) => [.. texts.Select(NamePattern.Parse)];
}
