using System.Collections.Immutable;
using System.Globalization;

namespace Mica.Runtime;

/// <summary>Turns a specification into the <c>config.json</c> of its bundle.</summary>
internal sealed class ConfigBuilder(ContainerSpec spec, RuntimeOptions options, List<ConfigMount> mounts, string workingDirectory, string rootPath)
{
    private readonly RuntimeRung _rung = options.Rung;

    private static readonly ImmutableArray<string> s_maskedPaths =
    [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ];

    private static readonly ImmutableArray<string> s_readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    /// <summary>Whether it shares the machine's network.</summary>
    public required bool UsesHostNetwork { get; init; }

    /// <summary>The network namespace to join; null: a new one with a loopback only.</summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>The cgroup, from the root of each hierarchy; null without one.</summary>
    public string? CgroupsPath { get; init; }

    public RuntimeConfig Build()
    {
        ulong ours = Capabilities.ReadBoundingSet();
        List<string> capabilities = Capabilities.For(spec.IsPrivileged, ours);
        const ulong sysResource = 1UL << 24;
        bool mayRaise = (Capabilities.ReadEffectiveSet() & sysResource) != 0 && _rung == RuntimeRung.Root;
        ConfigProcess process = new(
            spec.UsesTerminal,
            new ConfigUser(spec.User.Uid, spec.User.Gid, spec.User.AdditionalGids),
            spec.Command,
            spec.Environment,
            workingDirectory)
        {
            Capabilities = new ConfigCapabilities(capabilities, capabilities, capabilities),
            Rlimits = spec.Ulimits.IsEmpty ? null : Rlimits.For(spec.Ulimits, mayRaise),
        };
        ConfigLinux linux = new(Namespaces())
        {
            CgroupsPath = CgroupsPath,
            Resources = Resources(),
            Seccomp = Seccomp.For(spec.IsPrivileged, _rung),
            // The machine's own /proc has masks already.
            MaskedPaths = spec.IsPrivileged || options.SharesProc ? null : s_maskedPaths,
            ReadonlyPaths = spec.IsPrivileged || options.SharesProc ? null : s_readonlyPaths,
            Devices = spec.IsPrivileged && _rung == RuntimeRung.Root ? HostDevices.List("/dev") : null,
        };
        return new RuntimeConfig("1.0.2", process, new ConfigRoot(rootPath, spec.Root.IsReadOnly), spec.Hostname, Mounts(), linux);
    }

    private List<ConfigNamespace> Namespaces()
    {
        // The runtime is in a new PID namespace anyway; in one of its own it could not find itself in another's /proc.
        List<ConfigNamespace> namespaces = options.SharesProc
            ? [new("ipc"), new("uts"), new("mount")] : [new("pid"), new("ipc"), new("uts"), new("mount")];
        if (!UsesHostNetwork)
        {
            namespaces.Add(new ConfigNamespace("network", NetworkNamespace));
        }

        return namespaces;
    }

    private List<ConfigMount> Mounts()
    {
        string shm = string.Create(CultureInfo.InvariantCulture, $"size={spec.ShmSize}");
        List<string> pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
        if (_rung != RuntimeRung.SingleId)
        {
            pts.Add("gid=5"); // tty, which a single id does not have
        }

        string access = spec.IsPrivileged ? "rw" : "ro";
        return
        [
            options.SharesProc
                ? new("/proc", "bind", "/proc", ["rbind", "nosuid", "noexec", "nodev", "rprivate"])
                : new("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
            new("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            new("/dev/pts", "devpts", "devpts", pts),
            new("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", shm]),
            new("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
            options.SharesProc || (UsesHostNetwork && _rung != RuntimeRung.Root)
                ? new("/sys", "bind", "/sys", ["rbind", access, "nosuid", "noexec", "nodev", "rprivate"])
                : new("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", access]),
            .. CgroupsPath is null ? (ReadOnlySpan<ConfigMount>)[] : [new("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", access])],
            .. mounts,
        ];
    }

    private ConfigResources? Resources()
    {
        if (CgroupsPath is null)
        {
            return null;
        }

        const ulong period = 100_000;
        return new ConfigResources
        {
            Devices = spec.IsPrivileged ? [new ConfigDeviceRule(Allow: true, "rwm")] : OrdinaryDevices(),
            Memory = spec.Limits.Memory is { } memory ? new ConfigMemory(memory, memory) : null,
            Pids = spec.Limits.Pids is { } pids ? new ConfigPids(pids) : null,
            Cpu = spec.Limits.Cpus is { } cpus ? new ConfigCpu((long)(cpus * period), period) : null,
        };
    }

    /// <summary>Any node may be made, as packages do; those that may be opened (null, tty and the like) the runtime adds.</summary>
    private static List<ConfigDeviceRule> OrdinaryDevices() =>
    [
        new(Allow: false, "rwm"),
        new(Allow: true, "m") { Type = "c" },
        new(Allow: true, "m") { Type = "b" },
    ];
}
