using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Mica.Linux;

namespace Mica.Engine;

/// <summary>What a container is doing.</summary>
public enum ContainerStatus
{
    /// <summary>It was never started.</summary>
    Created,

    /// <summary>Its program runs.</summary>
    Running,

    /// <summary>Its processes are frozen.</summary>
    Paused,

    /// <summary>It has ended and will be started again.</summary>
    Restarting,

    /// <summary>It has ended.</summary>
    Exited,

    /// <summary>It is being removed.</summary>
    Removing,
}

/// <summary>How a container is now.</summary>
public sealed record ContainerState
{
    /// <summary>What it does.</summary>
    public ContainerStatus Status { get; init; }

    /// <summary>Its first process; null when it has none.</summary>
    public ProcessIdentity? Process { get; init; }

    /// <summary>What looks after it.</summary>
    public ProcessIdentity? Monitor { get; init; }

    /// <summary>When it was started last.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>When it ended last.</summary>
    public DateTimeOffset? Finished { get; init; }

    /// <summary>What its program ended with; 255 when nobody saw it.</summary>
    public int ExitCode { get; init; }

    /// <summary>The kernel killed something in it for lack of memory.</summary>
    public bool OutOfMemory { get; init; }

    /// <summary>Why it could not be started.</summary>
    public string? Error { get; init; }

    /// <summary>How often it was started again by its policy.</summary>
    public int Restarts { get; init; }

    /// <summary>The user stopped it, so that it is not started again.</summary>
    public bool WasStopped { get; init; }

    /// <summary>Its networks, while it runs.</summary>
    public ImmutableArray<EndpointState> Endpoints { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Ports of the machine that lead to it, while it runs.</summary>
    public ImmutableArray<PortDefinition> Ports { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>What its checks say; null: it has none.</summary>
    public HealthState? Health { get; init; }

    /// <summary>It has processes.</summary>
    [JsonIgnore]
    public bool IsRunning => Status is ContainerStatus.Running or ContainerStatus.Paused;
}

/// <summary>A container in a network.</summary>
/// <param name="Network">The network's name.</param>
/// <param name="Interface">Its name in the container.</param>
/// <param name="Address">With the prefix's length, <c>172.17.0.2/16</c>; empty without.</param>
/// <param name="Gateway">The way out; empty when there is none.</param>
/// <param name="MacAddress">The hardware address.</param>
public sealed record EndpointState(string Network, string Interface, string Address, string Gateway, string MacAddress)
{
    /// <summary>As <see cref="Address"/>, for IPv6.</summary>
    public string Address6 { get; init; } = "";

    /// <summary>As <see cref="Gateway"/>, for IPv6.</summary>
    public string Gateway6 { get; init; } = "";
}

/// <summary>What a container's checks say.</summary>
public sealed record HealthState
{
    /// <summary><c>starting</c>, <c>healthy</c> or <c>unhealthy</c>.</summary>
    public string Status { get; init; } = "starting";

    /// <summary>How many failed, one after the other.</summary>
    public int FailingStreak { get; init; }

    /// <summary>The last five.</summary>
    public ImmutableArray<HealthResult> Log { get; init => field = value.IsDefault ? [] : value; } = [];
}

/// <summary>One check.</summary>
/// <param name="Start">When it began.</param>
/// <param name="End">When it ended.</param>
/// <param name="ExitCode">0: good; -1: it took too long.</param>
/// <param name="Output">The first 4096 bytes of what it wrote.</param>
public sealed record HealthResult(DateTimeOffset Start, DateTimeOffset End, int ExitCode, string Output);
