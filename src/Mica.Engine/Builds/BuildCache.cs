using System.Collections.Immutable;
using Mica.Linux;
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

    /// <summary>Removes until so many bytes of the store's disk are free; null: however many are.</summary>
    public long? MinFreeBytes { get; init; }

    /// <summary>The bytes that stay in any case; what was used last stays.</summary>
    public long? ReservedBytes { get; init; }

    /// <summary>How many of <paramref name="bytes"/> stay at the least; null: nothing limits the prune.</summary>
    internal long? Target(long bytes, long free) => KeepBytes is null && MinFreeBytes is null && ReservedBytes is null ? null
        : Math.Max(ReservedBytes ?? 0, KeepBytes is null && MinFreeBytes is null ? 0
            : Math.Min(KeepBytes ?? long.MaxValue, MinFreeBytes is { } least ? bytes - Math.Max(0, least - free) : long.MaxValue));
}

/// <summary>What the cache of builds is cut to. Null is no limit.</summary>
public sealed record BuildCacheLimits
{
    /// <summary>Bytes of layers that only the cache holds.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>How long a result stays that no build used.</summary>
    public TimeSpan? MaxAge { get; init; }

    /// <summary>Bytes of the store's disk that shall be free.</summary>
    public long? MinFreeBytes { get; init; }
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
        long? target = options.Target(bytes, LinuxFileSystem.GetSpace(_store.BuildDirectory).AvailableBytes);
        var removed = ImmutableArray.CreateBuilder<BuildRecord>();
        foreach (BuildRecord record in all.Reverse())
        {
            if (target is { } keep && bytes <= keep)
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

    /// <summary>Cuts the cache to its limits: what is too old goes, and then what was not used for the longest time.</summary>
    internal async Task EnforceAsync(BuildCacheLimits limits, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (limits.MaxAge is { } age)
        {
            await PruneAsync(new BuildCachePruneOptions { All = true, UnusedSince = now - age }, cancellationToken);
        }

        if (limits.MaxBytes is not null || limits.MinFreeBytes is not null)
        {
            await PruneAsync(new BuildCachePruneOptions { KeepBytes = limits.MaxBytes, MinFreeBytes = limits.MinFreeBytes }, cancellationToken);
        }
    }
}
