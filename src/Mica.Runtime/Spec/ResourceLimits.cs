using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Mica.Runtime;

/// <summary>Limits of all processes of a container together. cgroups(7). Null is no limit.</summary>
public sealed record ResourceLimits
{
    /// <summary>In bytes, without swap.</summary>
    public long? Memory { get; init; }

    /// <summary>In bytes, memory and swap together; -1: as much swap as there is. Null: as much swap as memory.</summary>
    public long? MemorySwap { get; init; }

    /// <summary>In bytes: what it keeps when the machine is short of memory.</summary>
    public long? MemoryReservation { get; init; }

    /// <summary>0 to 100: how willingly its memory is swapped out.</summary>
    public ulong? Swappiness { get; init; }

    /// <summary>It is not killed when it has no memory left; it waits.</summary>
    public bool OutOfMemoryKillDisabled { get; init; }

    /// <summary>-1000 to 1000: how soon it is killed when the machine has no memory left.</summary>
    public int? OutOfMemoryScore { get; init; }

    /// <summary>Processes and threads.</summary>
    public long? Pids { get; init; }

    /// <summary>Cores: 1.5 is three halves of one.</summary>
    public double? Cpus { get; init; }

    /// <summary>Microseconds in each <see cref="CpuPeriod"/>.</summary>
    public long? CpuQuota { get; init; }

    /// <summary>In microseconds.</summary>
    public ulong? CpuPeriod { get; init; }

    /// <summary>Its weight among others, of which 1024 is usual.</summary>
    public ulong? CpuShares { get; init; }

    /// <summary>The cores it may use: <c>0-3,5</c>.</summary>
    public string? CpuSet { get; init; }

    /// <summary>The memory nodes it may use.</summary>
    public string? MemoryNodes { get; init; }

    /// <summary>10 to 1000: its weight among others for block devices.</summary>
    public ushort? BlockWeight { get; init; }

    /// <summary>Limits for single block devices.</summary>
    public ImmutableArray<BlockLimit> BlockLimits { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Whether it has any that needs a cgroup.</summary>
    [JsonIgnore]
    public bool HasAny => this with { BlockLimits = [], OutOfMemoryScore = null } != new ResourceLimits() { BlockLimits = [] } || !BlockLimits.IsEmpty;
}

/// <summary>What a container may do with a block device in a second.</summary>
/// <param name="Kind">What is counted.</param>
/// <param name="Device">The path of the device on the machine.</param>
/// <param name="Rate">Bytes, or operations; for a weight 10 to 1000.</param>
public sealed record BlockLimit(BlockLimitKind Kind, string Device, ulong Rate);

/// <summary>What a <see cref="BlockLimit"/> counts.</summary>
public enum BlockLimitKind
{
    /// <summary>Bytes that are read.</summary>
    ReadBytes,

    /// <summary>Bytes that are written.</summary>
    WriteBytes,

    /// <summary>Reads.</summary>
    ReadOperations,

    /// <summary>Writes.</summary>
    WriteOperations,

    /// <summary>Not a limit, but its weight among others.</summary>
    Weight,
}
