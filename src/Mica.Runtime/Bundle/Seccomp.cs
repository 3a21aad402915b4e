using System.Runtime.InteropServices;

namespace Mica.Runtime;

/// <summary>
/// What a container's processes may not ask the kernel for: all that docker keeps from a container without further
/// capabilities. Named is what is forbidden, not what is allowed, since a filter of four hundred names takes 12 ms to compile
/// for every container.
/// </summary>
internal static class Seccomp
{
    private const uint NotPermitted = 1; // EPERM
    private const uint NotImplemented = 38; // ENOSYS
    private const uint VirtualSocket = 40; // AF_VSOCK: reaches the hypervisor
    private const uint AlgorithmSocket = 38; // AF_ALG: the kernel's ciphers, more often attacked than used

    /// <summary>What a capability is for, and so goes with it; without one in the first column nobody gets it.</summary>
    private static readonly (string? Capability, string[] Names)[] s_forbidden =
    [
        // mounts and namespaces
        ("CAP_SYS_ADMIN",
        [
            "mount", "umount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick",
            "mount_setattr", "statmount", "listmount", "open_tree_attr", "setns", "unshare",
            "sethostname", "setdomainname", "quotactl", "quotactl_fd", "lookup_dcookie", "fanotify_init",
        ]),
        ("CAP_DAC_READ_SEARCH", ["open_by_handle_at"]),

        // kernel, machine, time
        ("CAP_SYS_MODULE", ["init_module", "finit_module", "delete_module"]),
        ("CAP_SYS_BOOT", ["reboot", "kexec_load", "kexec_file_load"]),
        ("CAP_SYS_TIME", ["settimeofday", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64", "stime"]),
        ("CAP_SYS_TTY_CONFIG", ["vhangup"]),
        ("CAP_SYSLOG", ["syslog"]),
        ("CAP_SYS_RAWIO", ["iopl", "ioperm"]),
        ("CAP_SYS_PACCT", ["acct"]),
        (null,
        [
            "create_module", "query_module", "get_kernel_syms", "swapon", "swapoff", "nfsservctl", "sysfs", "_sysctl", "ustat", "uselib", "vm86", "vm86old",
        ]),

        // other processes, the keyrings that all containers share, memory policies
        ("CAP_SYS_PTRACE", ["kcmp", "process_madvise"]),
        ("CAP_SYS_NICE", ["move_pages", "migrate_pages", "mbind", "set_mempolicy", "set_mempolicy_home_node", "get_mempolicy"]),
        (null, ["add_key", "request_key", "keyctl"]),

        // large, and where most escapes began
        ("CAP_BPF", ["bpf"]),
        ("CAP_PERFMON", ["perf_event_open"]),
        (null, ["userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register"]),
    ];

    /// <summary>The flags of clone(2) that make namespaces: mount, cgroup, uts, ipc, user, pid, net.</summary>
    private static readonly ulong[] s_namespaceFlags = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];

    /// <summary>
    /// Need ids that a user namespace of one id does not have. They are said to have succeeded, and nothing happens: packages
    /// install so, with all files root's.
    /// </summary>
    private static readonly string[] s_owners =
    [
        "chown", "chown32", "fchown", "fchown32", "lchown", "lchown32", "fchownat", "setuid", "setuid32", "setgid", "setgid32",
        "setgroups", "setgroups32", "setreuid", "setreuid32", "setregid", "setregid32", "setresuid", "setresuid32", "setresgid",
        "setresgid32", "setfsuid", "setfsuid32", "setfsgid", "setfsgid32", "capset",
    ];

    /// <summary>What a container may not ask for; null: nothing is forbidden.</summary>
    /// <param name="isolation">Of the container.</param>
    /// <param name="profile">null: ours; <c>unconfined</c>: none; else the file of one.</param>
    /// <param name="capabilities">What the container has.</param>
    /// <param name="rung">How it runs.</param>
    public static ConfigSeccomp? For(IsolationSpec isolation, string? profile, IReadOnlyCollection<string> capabilities, RuntimeRung rung)
    {
        if (profile is not null and not "unconfined" && !isolation.IsPrivileged)
        {
            return SeccompProfile.Read(profile, capabilities);
        }

        IEnumerable<ConfigSyscall> rules =
            [.. isolation.IsPrivileged || profile == "unconfined" ? [] : Ordinary(capabilities), .. rung == RuntimeRung.SingleId ? Pretended() : []];
        return rules.Any() ? new ConfigSeccomp("SCMP_ACT_ALLOW", Architectures(), [.. rules]) : null;
    }

    private static IEnumerable<ConfigSyscall> Ordinary(IReadOnlyCollection<string> capabilities)
    {
        string[] forbidden = [.. s_forbidden.Where(group => group.Capability is null || !capabilities.Contains(group.Capability)).SelectMany(group => group.Names)];
        yield return new ConfigSyscall(forbidden, "SCMP_ACT_ERRNO", NotPermitted, null);
        yield return Denied("socket", 0, VirtualSocket, null, "SCMP_CMP_EQ");
        yield return Denied("socket", 0, AlgorithmSocket, null, "SCMP_CMP_EQ");
        if (capabilities.Contains("CAP_SYS_ADMIN"))
        {
            yield break;
        }

        // Its flags are in memory, out of a filter's sight; "not implemented" makes the C library use clone.
        yield return new ConfigSyscall(["clone3"], "SCMP_ACT_ERRNO", NotImplemented, null);
        foreach (ulong flag in s_namespaceFlags)
        {
            yield return Denied("clone", 0, flag, flag, "SCMP_CMP_MASKED_EQ");
        }
    }

    private static ConfigSyscall[] Pretended()
    {
        const ulong type = 0xf000, character = 0x2000, block = 0x6000;
        ConfigSyscallArgument[] Mode(uint index, ulong kind) => [new(index, type, kind, "SCMP_CMP_MASKED_EQ")];
        return
        [
            new ConfigSyscall(s_owners, "SCMP_ACT_ERRNO", 0, null),
            new ConfigSyscall(["mknod"], "SCMP_ACT_ERRNO", 0, Mode(1, character)),
            new ConfigSyscall(["mknod"], "SCMP_ACT_ERRNO", 0, Mode(1, block)),
            new ConfigSyscall(["mknodat"], "SCMP_ACT_ERRNO", 0, Mode(2, character)),
            new ConfigSyscall(["mknodat"], "SCMP_ACT_ERRNO", 0, Mode(2, block)),
        ];
    }

    private static ConfigSyscall Denied(string name, uint index, ulong value, ulong? second, string comparison) =>
        new([name], "SCMP_ACT_ERRNO", NotPermitted, [new ConfigSyscallArgument(index, value, second, comparison)]);

    /// <summary>With the 32-bit programs that the machine runs too: a filter that does not know them kills them.</summary>
    private static List<string> Architectures() => RuntimeInformation.ProcessArchitecture == Architecture.Arm64
        ? ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
        : ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];
}
