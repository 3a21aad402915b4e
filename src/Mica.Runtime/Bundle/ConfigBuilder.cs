using System.Collections.Immutable;
using System.Globalization;

namespace Mica.Runtime;

/// <summary>Turns a specification into the <c>config.json</c> of its bundle.</summary>
internal sealed class ConfigBuilder(ContainerSpec spec, RuntimeOptions options, List<ConfigMount> mounts, string workingDirectory, string rootPath)
{
    private const string PortSetting = "net.ipv4.ip_unprivileged_port_start";
    private const string PingSetting = "net.ipv4.ping_group_range";

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
        var security = SecurityOptions.Parse(spec.Isolation.SecurityOptions);
        bool hides = !spec.IsPrivileged && !security.ShowsSystemPaths && !options.SharesProc; // the machine's own /proc has masks already
        List<ConfigDevice> devices = spec.IsPrivileged && _rung == RuntimeRung.Root ? HostDevices.List("/dev") : [];
        List<ConfigDeviceRule> rules = HostDevices.Add(devices, spec.Isolation.Devices);
        ConfigProcess process = Process(
            spec.UsesTerminal, spec.User, spec.UsesInit ? [ContainerInit.Destination, "--", .. spec.Command] : spec.Command, spec.Environment, workingDirectory,
            spec.Isolation, Rlimits.For(spec.Ulimits, options)) with
        {
            ApparmorProfile = security.AppArmor,
            OomScoreAdj = spec.Limits.OutOfMemoryScore is { } score ? OutOfMemory.Clamp(score) : null,
        };
        ConfigLinux linux = new(Namespaces())
        {
            CgroupsPath = CgroupsPath,
            Resources = CgroupsPath is null ? null : ConfigLimits.Of(spec.Limits, spec.Isolation, rules),
            Seccomp = Seccomp.For(spec.Isolation, security.Seccomp, process.Capabilities!.Bounding, _rung),
            MaskedPaths = hides ? s_maskedPaths : null,
            ReadonlyPaths = hides ? s_readonlyPaths : null,
            Devices = devices.Count > 0 ? devices : null,
            Sysctl = Sysctls() is { IsEmpty: false } settings ? settings : null,
        };
        return new RuntimeConfig("1.0.2", process, new ConfigRoot(rootPath, spec.Root.IsReadOnly), spec.Isolation.Uts.IsHost ? null : spec.Hostname, Mounts(), linux)
        {
            Domainname = spec.Domainname,
            Annotations = spec.Annotations.IsEmpty ? null : spec.Annotations,
        };
    }

    /// <summary>A further process of a container.</summary>
    public static ConfigProcess Process(ContainerProcess process, RuntimeOptions options)
    {
        ContainerUser user = options.Rung == RuntimeRung.SingleId ? new ContainerUser(0, 0) : process.User;
        return Process(
            process.UsesTerminal, user, process.Command, process.Environment, process.WorkingDirectory,
            process.IsPrivileged ? process.Isolation with { IsPrivileged = true } : process.Isolation, null);
    }

    private static ConfigProcess Process(
        bool terminal, ContainerUser user, IReadOnlyList<string> command, IReadOnlyList<string> environment, string workingDirectory, IsolationSpec isolation,
        List<ConfigRlimit>? limits)
    {
        List<string> capabilities = Capabilities.For(isolation, Capabilities.ReadBoundingSet());

        // As with any login, only root has them at once; others may get them by programs that have them.
        List<string> effective = user.Uid == 0 ? capabilities : [];
        return new ConfigProcess(terminal, new ConfigUser(user.Uid, user.Gid, user.AdditionalGids), command, environment, workingDirectory)
        {
            Capabilities = new ConfigCapabilities(capabilities, effective, effective),
            Rlimits = limits,
            NoNewPrivileges = SecurityOptions.Parse(isolation.SecurityOptions).NoNewPrivileges ? true : null,
        };
    }

    /// <summary>As with docker, any user of a container may listen on port 80 and send a ping: the network is its own.</summary>
    private ImmutableSortedDictionary<string, string> Sysctls()
    {
        ImmutableSortedDictionary<string, string> settings = spec.Isolation.Sysctls;
        if (UsesHostNetwork || NetworkNamespace is not null)
        {
            return settings;
        }

        settings = settings.ContainsKey(PortSetting) ? settings : settings.Add(PortSetting, "0");
        return settings.ContainsKey(PingSetting) || _rung != RuntimeRung.Root ? settings : settings.Add(PingSetting, "0 2147483647");
    }

    private List<ConfigNamespace> Namespaces()
    {
        List<ConfigNamespace> namespaces = [new("mount")];
        void Add(string type, NamespaceChoice choice)
        {
            if (!choice.IsHost)
            {
                namespaces.Add(new ConfigNamespace(type, choice.Path));
            }
        }

        // The runtime is in a new PID namespace anyway; in one of its own it could not find itself in another's /proc.
        Add("pid", options.SharesProc ? NamespaceChoice.Host : spec.Isolation.Pid);
        Add("ipc", spec.Isolation.Ipc);
        Add("uts", spec.Isolation.Uts);
        Add("network", UsesHostNetwork ? NamespaceChoice.Host : new NamespaceChoice(false, NetworkNamespace));
        if (CgroupsPath is not null && Cgroups.IsUnified)
        {
            Add("cgroup", spec.Isolation.Cgroup);
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
            .. spec.Isolation.HasSharedMemory ? [new ConfigMount("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", shm])] : (ReadOnlySpan<ConfigMount>)[],
            new("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
            options.SharesProc || (UsesHostNetwork && _rung != RuntimeRung.Root)
                ? new("/sys", "bind", "/sys", ["rbind", access, "nosuid", "noexec", "nodev", "rprivate"])
                : new("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", access]),
            .. CgroupsPath is null ? (ReadOnlySpan<ConfigMount>)[] : [new("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", access])],
            .. mounts,
        ];
    }
}
