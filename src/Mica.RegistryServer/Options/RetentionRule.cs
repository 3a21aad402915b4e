using System.Collections.Immutable;

namespace Mica.RegistryServer;

/// <summary>Which tags of some repositories are kept. A tag is kept if any of these says so, and removed if none does.</summary>
public sealed record RetentionRule
{
    /// <summary>Patterns over names of repositories.</summary>
    public required ImmutableArray<string> Repositories { get; init; }

    /// <summary>So many of the tags that were pushed last.</summary>
    public int KeepLast { get; init; }

    /// <summary>Tags whose image was pulled within this time.</summary>
    public TimeSpan KeepPulledWithin { get; init; }

    /// <summary>Tags that were pushed within this time.</summary>
    public TimeSpan KeepPushedWithin { get; init; }

    /// <summary>Patterns of tags.</summary>
    public ImmutableArray<string> KeepTags { get; init; } = [];

    /// <summary>How long manifests stay that were pushed by digest and never had a tag; null: for good.</summary>
    public TimeSpan? KeepUntagged { get; init; }
}
