using System.Collections.Immutable;

namespace Mica.Dockerfile;

/// <summary><c>RUN --network</c>.</summary>
public enum RunNetwork
{
    /// <summary>The build's network.</summary>
    Default,

    /// <summary>Loopback only.</summary>
    None,

    /// <summary>The host's; needs to be allowed.</summary>
    Host,
}

/// <summary><c>RUN --security</c>.</summary>
public enum RunSecurity
{
    /// <summary>The usual confinement.</summary>
    Sandbox,

    /// <summary>Without confinement, privileged; needs to be allowed.</summary>
    Insecure,
}

/// <summary>A device of <c>RUN --device</c>, by its CDI name.</summary>
public sealed record RunDevice(string Name, bool Required);

/// <summary>The flags of RUN.</summary>
public sealed record RunOptions
{
    /// <summary>In the order of the flags.</summary>
    public ImmutableArray<MountFlag> Mounts { get; init; } = [];

    /// <summary>Which network the command sees.</summary>
    public RunNetwork Network { get; init; }

    /// <summary>How it is confined.</summary>
    public RunSecurity Security { get; init; }

    /// <summary>In the order of the flags.</summary>
    public ImmutableArray<RunDevice> Devices { get; init; } = [];
}
