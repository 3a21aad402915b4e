using System.Collections.Immutable;

namespace Mica.Runtime;

/// <summary>What a container is kept from.</summary>
public sealed record IsolationSpec
{
    /// <summary>From nothing: all capabilities and devices we have ourselves, no seccomp filter, nothing of /proc and /sys hidden.</summary>
    public bool IsPrivileged { get; init; }

    /// <summary>Capabilities beside docker's usual ones, with or without <c>CAP_</c>; <c>ALL</c>.</summary>
    public ImmutableArray<string> AddedCapabilities { get; init; } = [];

    /// <summary>Usual capabilities that it does not get; <c>ALL</c>.</summary>
    public ImmutableArray<string> DroppedCapabilities { get; init; } = [];

    /// <summary><c>no-new-privileges[=true|false]</c>, <c>seccomp=unconfined|FILE</c>, <c>systempaths=unconfined</c>, <c>apparmor=…</c>, <c>label=…</c>.</summary>
    public ImmutableArray<string> SecurityOptions { get; init; } = [];

    /// <summary><c>HOST[:CONTAINER[:rwm]]</c>: device nodes, or directories of them.</summary>
    public ImmutableArray<string> Devices { get; init; } = [];

    /// <summary><c>c 1:3 rwm</c>: what it may do with devices that are not its own.</summary>
    public ImmutableArray<string> DeviceRules { get; init; } = [];

    /// <summary>Settings below /proc/sys that belong to its own namespaces.</summary>
    public ImmutableSortedDictionary<string, string> Sysctls { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Whose processes it sees.</summary>
    public NamespaceChoice Pid { get; init; } = NamespaceChoice.Own;

    /// <summary>Whose shared memory and message queues it uses.</summary>
    public NamespaceChoice Ipc { get; init; } = NamespaceChoice.Own;

    /// <summary>It has a /dev/shm.</summary>
    public bool HasSharedMemory { get; init; } = true;

    /// <summary>Whose name of the machine it has.</summary>
    public NamespaceChoice Uts { get; init; } = NamespaceChoice.Own;

    /// <summary>Whose cgroups it sees.</summary>
    public NamespaceChoice Cgroup { get; init; } = NamespaceChoice.Own;
}

/// <summary>A namespace of a container.</summary>
/// <param name="IsHost">The machine's.</param>
/// <param name="Path">The file of one to join; null: one of its own.</param>
public sealed record NamespaceChoice(bool IsHost, string? Path)
{
    /// <summary>One of its own.</summary>
    public static NamespaceChoice Own { get; } = new(false, null);

    /// <summary>The machine's.</summary>
    public static NamespaceChoice Host { get; } = new(true, null);
}
