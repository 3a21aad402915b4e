using System.Globalization;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>Capabilities by number, as the kernel counts them. capabilities(7).</summary>
internal static class Capabilities
{
    private static readonly string[] s_names =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
        "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
        "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
        "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD",
        "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
        "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ];

    /// <summary>What docker gives a container: bits 0, 1, 3 to 8, 10, 13, 18, 27, 29, 31.</summary>
    private const ulong Ordinary = 0xa80425fb;

    /// <summary>What a container gets, out of the bounding set <paramref name="ours"/>: asking for more fails altogether.</summary>
    public static List<string> For(bool isPrivileged, ulong ours)
    {
        ulong granted = isPrivileged ? ours : ours & Ordinary;
        return [.. s_names.Where((_, number) => (granted & (1UL << number)) != 0)];
    }

    /// <summary>As <see cref="For(bool, ulong)"/>, with what is added and dropped.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: there is no such capability.</exception>
    public static List<string> For(IsolationSpec isolation, ulong ours)
    {
        ulong granted = isolation.IsPrivileged || isolation.AddedCapabilities.Any(IsAll) ? ulong.MaxValue : isolation.DroppedCapabilities.Any(IsAll) ? 0 : Ordinary;
        foreach (string name in isolation.AddedCapabilities.Where(name => !IsAll(name)))
        {
            granted |= 1UL << NumberOf(name);
        }

        foreach (string name in isolation.DroppedCapabilities.Where(name => !IsAll(name)))
        {
            granted &= ~(1UL << NumberOf(name));
        }

        if (isolation.AddedCapabilities.Any(IsAll) && isolation.DroppedCapabilities.Any(IsAll))
        {
            granted = 0;
        }

        return [.. s_names.Where((_, number) => (granted & ours & (1UL << number)) != 0)];
    }

    private static bool IsAll(string name) => name.Equals("ALL", StringComparison.OrdinalIgnoreCase);

    private static int NumberOf(string name)
    {
        string full = name.StartsWith("CAP_", StringComparison.OrdinalIgnoreCase) ? name.ToUpperInvariant() : "CAP_" + name.ToUpperInvariant();
        int number = Array.IndexOf(s_names, full);
        return number >= 0 ? number : throw new MicaException(ErrorKind.InvalidArgument, $"invalid capability: \"{Printable.Of(name)}\"");
    }

    /// <summary>This process's bounding set.</summary>
    public static ulong ReadBoundingSet() => Parse(File.ReadLines("/proc/self/status"), "CapBnd:");

    /// <summary>This process's effective set.</summary>
    public static ulong ReadEffectiveSet() => Parse(File.ReadLines("/proc/self/status"), "CapEff:");

    private static ulong Parse(IEnumerable<string> status, string name)
    {
        string? line = status.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        return line is null ? 0 : ulong.Parse(line[name.Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
