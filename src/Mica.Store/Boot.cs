namespace Mica.Store;

/// <summary>
/// This run of the machine. Files that were written and not yet forced to the disk are whole for as long as it lasts, even
/// when the process that wrote them is killed; after another start they may not be.
/// </summary>
internal static class Boot
{
    /// <summary>The kernel's random UUID of this boot. proc_sys_kernel(5).</summary>
    public static string Id { get; } = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
}
