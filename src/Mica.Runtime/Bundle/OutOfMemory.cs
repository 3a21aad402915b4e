using System.Globalization;

namespace Mica.Runtime;

/// <summary>How soon the kernel kills a process when no memory is left. proc_pid_oom_score_adj(5).</summary>
internal static class OutOfMemory
{
    private const ulong SystemResource = 1UL << 24; // CAP_SYS_RESOURCE

    /// <summary>Without the right to lower it, no process gets less than we have ourselves.</summary>
    public static int Clamp(int wanted)
    {
        if ((Capabilities.ReadEffectiveSet() & SystemResource) != 0)
        {
            return wanted;
        }

        string own = File.ReadAllText("/proc/self/oom_score_adj").Trim();
        return Math.Max(wanted, int.TryParse(own, CultureInfo.InvariantCulture, out int ours) ? ours : 0);
    }
}
