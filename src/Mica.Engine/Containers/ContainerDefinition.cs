using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Engine;

/// <summary>
/// What a container is to be. What is null or empty when a container is created is the image's, or docker's default; the
/// definition of a container that was created has everything.
/// </summary>
public sealed record ContainerDefinition
{
    /// <summary>The image, as the user calls it.</summary>
    public required string Image { get; init; }

    /// <summary>The manifest that its layers come from; set when it is created.</summary>
    public Digest? Manifest { get; init; }

    /// <summary>The digest of the image's config; set when it is created.</summary>
    public Digest? ImageId { get; init; }

    /// <summary>The layers of the image, the lowest first; set when it is created.</summary>
    public ImmutableArray<Digest> DiffIds { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>The variant of the image; null: this machine's.</summary>
    public string? Platform { get; init; }

    /// <summary>Before <see cref="Command"/>; one empty word takes away the image's.</summary>
    public ImmutableArray<string>? Entrypoint { get; init; }

    /// <summary>The program and its arguments, or the entrypoint's arguments.</summary>
    public ImmutableArray<string>? Command { get; init; }

    /// <summary><c>NAME=value</c>; <c>NAME</c> alone takes away the image's.</summary>
    public ImmutableArray<string> Environment { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Where the program begins.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary><c>user[:group]</c>.</summary>
    public string? User { get; init; }

    /// <summary>Names or numbers of further groups.</summary>
    public ImmutableArray<string> Groups { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>The name of the machine that it sees.</summary>
    public string? Hostname { get; init; }

    /// <summary>The domain that it sees.</summary>
    public string? Domainname { get; init; }

    /// <summary>Free-form text.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init => field = value ?? ImmutableSortedDictionary<string, string>.Empty; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>For the runtime.</summary>
    public ImmutableSortedDictionary<string, string> Annotations { get; init => field = value ?? ImmutableSortedDictionary<string, string>.Empty; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>It has a terminal.</summary>
    public bool UsesTerminal { get; init; }

    /// <summary>Its standard input is open.</summary>
    public bool OpensInput { get; init; }

    /// <summary>It was made to be attached to: its standard input ends when who attached leaves.</summary>
    public bool IsAttached { get; init; }

    /// <summary>It is removed when it has ended.</summary>
    public bool AutoRemove { get; init; }

    /// <summary>A small init is its first process, and reaps.</summary>
    public bool UsesInit { get; init; }

    /// <summary>Asks it to stop.</summary>
    public string? StopSignal { get; init; }

    /// <summary>Seconds until it is killed.</summary>
    public int? StopTimeout { get; init; }

    /// <summary>What happens when it ends.</summary>
    public RestartPolicy Restart { get; init; } = new();

    /// <summary>How to tell whether it works; the test <c>NONE</c>: not at all.</summary>
    public Healthcheck? Healthcheck { get; init; }

    /// <summary><c>port/protocol</c> that it listens on.</summary>
    public ImmutableArray<string> ExposedPorts { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>What it is connected to.</summary>
    public ContainerNetworking Networking { get; init; } = new();

    /// <summary>What is mounted in it.</summary>
    public ImmutableArray<MountDefinition> Mounts { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary><c>CONTAINER[:ro]</c>: containers whose volumes and bind mounts it gets too; empty when it was created.</summary>
    public ImmutableArray<string> VolumesFrom { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>It cannot write to its root.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Size of /dev/shm in bytes.</summary>
    public long? ShmSize { get; init; }

    /// <summary>Limits of its processes.</summary>
    public ImmutableArray<Ulimit> Ulimits { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Limits of all of it.</summary>
    public ResourceLimits Limits { get; init; } = new();

    /// <summary>What it is kept from.</summary>
    public ContainerIsolation Isolation { get; init; } = new();

    /// <summary>Where its log goes.</summary>
    public LogDefinition Log { get; init; } = new();

    /// <summary>The whole argument vector.</summary>
    [JsonIgnore]
    public ImmutableArray<string> Arguments => [.. Entrypoint ?? [], .. Command ?? []];
}

/// <summary>What happens when a container ends.</summary>
public sealed record RestartPolicy
{
    /// <summary><c>no</c>, <c>on-failure</c>, <c>always</c> or <c>unless-stopped</c>.</summary>
    public string Name { get; init; } = "no";

    /// <summary>With <c>on-failure</c>: how often; 0: without end.</summary>
    public int MaximumRetryCount { get; init; }
}

/// <summary>What a container is connected to.</summary>
public sealed record ContainerNetworking
{
    /// <summary><c>bridge</c>, <c>host</c>, <c>none</c>, <c>container:NAME</c>, or the name of a network.</summary>
    public string Mode { get; init; } = "bridge";

    /// <summary>Networks and what the container is there; empty: the one of <see cref="Mode"/>.</summary>
    public ImmutableSortedDictionary<string, EndpointDefinition> Endpoints { get; init => field = value ?? ImmutableSortedDictionary<string, EndpointDefinition>.Empty; } =
        ImmutableSortedDictionary<string, EndpointDefinition>.Empty;

    /// <summary>Ports of the machine that lead to it.</summary>
    public ImmutableArray<PortDefinition> Ports { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>All exposed ports are published, on ports that are free.</summary>
    public bool PublishesAll { get; init; }

    /// <summary>Its name servers, and so on.</summary>
    public DnsSettings Dns { get; init; } = new();

    /// <summary>Lines of its /etc/hosts.</summary>
    public ImmutableArray<ExtraHost> ExtraHosts { get; init => field = value.IsDefault ? [] : value; } = [];
}

/// <summary>What a container is in a network.</summary>
public sealed record EndpointDefinition
{
    /// <summary>Other names.</summary>
    public ImmutableArray<string> Aliases { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>The address it wants.</summary>
    public string? Address { get; init; }

    /// <summary>The IPv6 address it wants.</summary>
    public string? Address6 { get; init; }

    /// <summary>The hardware address it wants.</summary>
    public string? MacAddress { get; init; }
}

/// <summary>A port of the machine that leads to one of a container.</summary>
/// <param name="ContainerPort">In the container.</param>
/// <param name="Protocol"><c>tcp</c>, <c>udp</c> or <c>sctp</c>.</param>
/// <param name="HostAddress">Empty: all.</param>
/// <param name="HostPort">0: one that is free.</param>
public sealed record PortDefinition(int ContainerPort, string Protocol, string HostAddress, int HostPort)
{
    /// <summary>With a range, the last port from which one that is free is taken.</summary>
    public int? LastHostPort { get; init; }
}

/// <summary>Something that a container sees.</summary>
/// <param name="Type"><c>bind</c>, <c>volume</c>, <c>tmpfs</c> or <c>image</c>.</param>
/// <param name="Source">A path of the machine, the name of a volume (empty: one of its own), or an image.</param>
/// <param name="Destination">An absolute path in the container.</param>
public sealed record MountDefinition(string Type, string Source, string Destination)
{
    /// <summary>It cannot be written to.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Of a bind mount: <c>rprivate</c> and the like.</summary>
    public string? Propagation { get; init; }

    /// <summary>Of a bind mount: without what is mounted below it.</summary>
    public bool IsNotRecursive { get; init; }

    /// <summary>Of a bind mount: a missing source becomes a directory, as <c>-v</c> does it.</summary>
    public bool MakesSource { get; init; }

    /// <summary>Of a volume: what the image has there is not copied into an empty one.</summary>
    public bool CopiesNothing { get; init; }

    /// <summary>What is there belongs to the container's user: <c>:U</c>.</summary>
    public bool ChangesOwner { get; init; }

    /// <summary>A path in the volume or image.</summary>
    public string? SubPath { get; init; }

    /// <summary>Of a tmpfs: options as mount(8) takes them.</summary>
    public ImmutableArray<string> Options { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Of a volume: it has no name of the user's, and goes with the container.</summary>
    public bool IsAnonymous { get; init; }
}

/// <summary>What a container is kept from.</summary>
public sealed record ContainerIsolation
{
    /// <summary>From nothing.</summary>
    public bool IsPrivileged { get; init; }

    /// <summary>Capabilities more than usual; <c>ALL</c>.</summary>
    public ImmutableArray<string> AddedCapabilities { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Capabilities less than usual; <c>ALL</c>.</summary>
    public ImmutableArray<string> DroppedCapabilities { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>As <c>--security-opt</c> has them: <c>no-new-privileges</c>, <c>seccomp=…</c> and so on.</summary>
    public ImmutableArray<string> SecurityOptions { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary><c>HOST[:CONTAINER[:PERMISSIONS]]</c>.</summary>
    public ImmutableArray<string> Devices { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Rules of the device cgroup.</summary>
    public ImmutableArray<string> DeviceRules { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Settings of the kernel that belong to its namespaces.</summary>
    public ImmutableSortedDictionary<string, string> Sysctls { get; init => field = value ?? ImmutableSortedDictionary<string, string>.Empty; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Empty, <c>host</c> or <c>container:NAME</c>.</summary>
    public string Pid { get; init; } = "";

    /// <summary>Empty, <c>private</c>, <c>shareable</c>, <c>host</c>, <c>none</c> or <c>container:NAME</c>.</summary>
    public string Ipc { get; init; } = "";

    /// <summary>Empty or <c>host</c>.</summary>
    public string Uts { get; init; } = "";

    /// <summary>Empty, <c>private</c> or <c>host</c>.</summary>
    public string Cgroup { get; init; } = "";

    /// <summary>Empty or <c>host</c>.</summary>
    public string User { get; init; } = "";
}

/// <summary>Where a log goes.</summary>
public sealed record LogDefinition
{
    /// <summary><c>json-file</c>, <c>local</c>, <c>k8s-file</c> (all three the same file of ours) or <c>none</c>.</summary>
    public string Driver { get; init; } = "json-file";

    /// <summary>Bytes after which it begins anew.</summary>
    public long? MaxBytes { get; init; }
}
