using System.Collections.Immutable;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>Which results of steps a prune removes.</summary>
public sealed record BuildCachePruneOptions
{
    /// <summary>All of them; else those that nothing but the cache itself holds.</summary>
    public bool All { get; init; }

    /// <summary>Only those not used since then.</summary>
    public DateTimeOffset? UnusedSince { get; init; }

    /// <summary>The bytes that may stay; what was used last stays. Null removes all that the rest allows.</summary>
    public long? KeepBytes { get; init; }
}

/// <summary>What a prune of the build cache did.</summary>
/// <param name="Removed">The results that are gone.</param>
/// <param name="FreedBytes">Bytes of layers that were freed.</param>
public sealed record BuildCachePruneReport(ImmutableArray<BuildRecord> Removed, long FreedBytes);

/// <summary>The results of build steps, which the next build takes in place of executing the step.</summary>
public sealed class BuildCache
{
    private readonly ImageStore _store;

    internal BuildCache(ImageStore store) => _store = store;

    /// <summary>All of them, the one used last first.</summary>
    public Task<ImmutableArray<BuildRecord>> ListAsync(CancellationToken cancellationToken) => _store.Builds.ListAsync(cancellationToken);

    /// <summary>Removes results of steps, those not used for the longest time first.</summary>
    public async Task<BuildCachePruneReport> PruneAsync(BuildCachePruneOptions options, CancellationToken cancellationToken)
    {
        ImmutableArray<BuildRecord> all = await ListAsync(cancellationToken);
        long bytes = all.Sum(record => record.OwnBytes);
        var removed = ImmutableArray.CreateBuilder<BuildRecord>();
        foreach (BuildRecord record in all.Reverse())
        {
            if (options.KeepBytes is { } keep && bytes <= keep)
            {
                break;
            }

            // A result whose layer an image has frees nothing; it goes only with all.
            bool isShared = record.Layer is not null && record.OwnBytes == 0;
            if ((!options.All && isShared) || record.Used >= options.UnusedSince)
            {
                continue;
            }

            removed.Add(record);
            bytes -= record.OwnBytes;
        }

        Digest[] keys = [.. removed.Select(record => record.Key)];
        RemovalReport report = keys.Length == 0 ? RemovalReport.Empty : await _store.Builds.RemoveAsync(keys, cancellationToken);
        return new BuildCachePruneReport(removed.ToImmutable(), report.FreedBytes);
    }
}
