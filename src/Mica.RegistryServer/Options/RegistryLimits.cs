using System.Collections.Immutable;

namespace Mica.RegistryServer;

/// <summary>How much the registry takes, and how long it keeps what nobody needs.</summary>
public sealed record RegistryLimits
{
    /// <summary>The largest manifest or index, in bytes; the specification asks for 4 MiB at least.</summary>
    public int MaxManifestSize { get; init; } = 4 << 20;

    /// <summary>The largest blob, in bytes.</summary>
    public long MaxBlobSize { get; init; } = 1L << 40;

    /// <summary>How long an upload may rest, and a blob stay that no manifest needs.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long a manifest stays that a tag stood for, so that the move can be undone.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How long the journal of tags reaches back.</summary>
    public TimeSpan Journal { get; init; } = TimeSpan.FromDays(365);

    /// <summary>Bytes that the repositories below a prefix may have together, each blob counted once.</summary>
    public ImmutableSortedDictionary<string, long> Quotas { get; init; } = ImmutableSortedDictionary<string, long>.Empty;
}
