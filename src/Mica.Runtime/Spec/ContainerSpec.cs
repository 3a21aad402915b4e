using System.Collections.Immutable;

namespace Mica.Runtime;

/// <summary>
/// One container, completely: nothing else is read from the environment or the machine's configuration. Users and groups are
/// numbers, paths of the host are absolute, paths of the container are resolved as if its root were the root of everything.
/// </summary>
public sealed record ContainerSpec
{
    /// <summary>Its name among the containers of one state directory: letters, digits, <c>-</c>, <c>_</c> and <c>.</c>.</summary>
    public required string Id { get; init; }

    /// <summary>What it sees as <c>/</c>.</summary>
    public required RootFileSystem Root { get; init; }

    /// <summary>The program, looked up in the container's PATH, and its arguments.</summary>
    public required ImmutableArray<string> Command { get; init; }

    /// <summary>The whole environment, as <c>NAME=value</c>.</summary>
    public ImmutableArray<string> Environment { get; init; } = [];

    /// <summary>An absolute path, made (and left there) if it is missing, belonging to <see cref="User"/>.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>Who the program is; root without a word.</summary>
    public ContainerUser User { get; init; } = new(0, 0);

    /// <summary>Its name of the machine, also in /etc/hostname and /etc/hosts.</summary>
    public string Hostname { get; init; } = "mica";

    /// <summary>What else it sees, in the order in which it is mounted.</summary>
    public ImmutableArray<ContainerMount> Mounts { get; init; } = [];

    /// <summary>Its network.</summary>
    public NetworkMode Network { get; init; } = NetworkMode.Default;

    /// <summary>Lines of /etc/hosts besides those for itself.</summary>
    public ImmutableArray<ExtraHost> ExtraHosts { get; init; } = [];

    /// <summary>Its /etc/resolv.conf; what is empty is the machine's.</summary>
    public DnsSettings Dns { get; init; } = new();

    /// <summary>Size of /dev/shm in bytes.</summary>
    public long ShmSize { get; init; } = 64L << 20;

    /// <summary>Limits of setrlimit(2), lowered to what we have ourselves.</summary>
    public ImmutableArray<Ulimit> Ulimits { get; init; } = [];

    /// <summary>Limits of all its processes together.</summary>
    public ResourceLimits Limits { get; init; } = new();

    /// <summary>
    /// It has a terminal: that of this process, to which standard input and output lead, is its for as long as it runs, and comes
    /// back as it was. What it writes goes there.
    /// </summary>
    public bool UsesTerminal { get; init; }

    /// <summary>What it is kept from.</summary>
    public IsolationSpec Isolation { get; init; } = new();

    /// <summary>The domain that it sees; null: none.</summary>
    public string? Domainname { get; init; }

    /// <summary>Its first process is a small init, which hands on signals and buries the dead.</summary>
    public bool UsesInit { get; init; }

    /// <summary>For the runtime.</summary>
    public ImmutableSortedDictionary<string, string> Annotations { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    internal bool IsPrivileged => Isolation.IsPrivileged;
}

/// <summary>Directories shown as one, as the store keeps layers: whiteouts are character devices 0:0, opaque directories have the overlay's xattr.</summary>
/// <param name="LowerDirectories">Layers, topmost first; none for an empty root.</param>
/// <param name="UpperDirectory">Gets what the container changes, and nothing else; its own mode and owner are those of <c>/</c>.</param>
/// <param name="WorkDirectory">An empty directory on the same file system, of no use afterwards.</param>
public sealed record RootFileSystem(ImmutableArray<string> LowerDirectories, string UpperDirectory, string WorkDirectory)
{
    /// <summary>The container cannot write to it.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>The container's fsync(2) does nothing: the owner of the upper directory makes it durable.</summary>
    public bool IsVolatile { get; init; }
}

/// <summary>Numbers of a user, a group, and further groups.</summary>
public sealed record ContainerUser(uint Uid, uint Gid)
{
    /// <summary>Groups besides <see cref="Gid"/>.</summary>
    public ImmutableArray<uint> AdditionalGids { get; init; } = [];
}

/// <summary>What a container can reach.</summary>
public enum NetworkMode
{
    /// <summary>A bridge of its own kind with a way out where netavark is installed and we are root; else the machine's network, and a notice.</summary>
    Default,

    /// <summary>Nothing but itself.</summary>
    None,

    /// <summary>The machine's network.</summary>
    Host,
}

/// <summary>A line of /etc/hosts.</summary>
/// <param name="Name">The name.</param>
/// <param name="Address">
/// An address, or <see cref="Gateway"/> for the machine as the container sees it: the bridge's address, or the loopback's on the
/// machine's own network. Without a network there is none, and no line.
/// </param>
public sealed record ExtraHost(string Name, string Address)
{
    /// <summary>The machine, whatever its address is.</summary>
    public const string Gateway = "host-gateway";
}

/// <summary>What /etc/resolv.conf says. resolv.conf(5).</summary>
public sealed record DnsSettings
{
    /// <summary>Addresses.</summary>
    public ImmutableArray<string> Servers { get; init; } = [];

    /// <summary>Domains.</summary>
    public ImmutableArray<string> Searches { get; init; } = [];

    /// <summary>Options.</summary>
    public ImmutableArray<string> Options { get; init; } = [];
}

/// <summary>A limit of one process; <paramref name="Name"/> as in <c>RLIMIT_NOFILE</c>, without <c>RLIMIT_</c>, in lower case.</summary>
public sealed record Ulimit(string Name, ulong Soft, ulong Hard);

