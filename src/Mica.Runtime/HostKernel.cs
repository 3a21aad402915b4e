using System.Collections.Immutable;
using System.Globalization;

namespace Mica.Runtime;

/// <summary>What the kernel says of itself.</summary>
public static class HostKernel
{
    /// <summary>As <c>uname -r</c>.</summary>
    public static string Version => Read("/proc/sys/kernel/osrelease");

    /// <summary><c>1</c>, <c>2</c>, or <c>1 and 2</c> where both are mounted. cgroups(7).</summary>
    public static string CgroupVersion => Cgroups.IsUnified ? "2" : Cgroups.IsHybrid() ? "1 and 2" : Directory.Exists("/sys/fs/cgroup/memory") ? "1" : "none";

    /// <summary>What it can keep containers from things with.</summary>
    public static ImmutableArray<string> SecurityModules =>
    [
        .. File.Exists("/proc/sys/kernel/seccomp/actions_avail") ? ["seccomp"] : Array.Empty<string>(),
        .. Read("/sys/module/apparmor/parameters/enabled") == "Y" ? ["apparmor"] : Array.Empty<string>(),
        .. File.Exists("/sys/fs/selinux/enforce") ? ["selinux"] : Array.Empty<string>(),
    ];

    /// <summary>Bytes of memory.</summary>
    public static long Memory => File.ReadLines("/proc/meminfo").Where(line => line.StartsWith("MemTotal:", StringComparison.Ordinal))
        .Select(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024).FirstOrDefault();

    private static string Read(string path) => File.Exists(path) ? File.ReadAllText(path).Trim() : "";
}
