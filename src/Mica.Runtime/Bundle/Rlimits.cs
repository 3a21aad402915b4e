using System.Globalization;

namespace Mica.Runtime;

/// <summary>Limits of setrlimit(2): what is asked for, lowered to what this process may give.</summary>
internal static class Rlimits
{
    /// <summary>The names in /proc/self/limits.</summary>
    private static readonly Dictionary<string, string> s_names = new(StringComparer.Ordinal)
    {
        ["as"] = "Max address space",
        ["core"] = "Max core file size",
        ["cpu"] = "Max cpu time",
        ["data"] = "Max data size",
        ["fsize"] = "Max file size",
        ["locks"] = "Max file locks",
        ["memlock"] = "Max locked memory",
        ["msgqueue"] = "Max msgqueue size",
        ["nice"] = "Max nice priority",
        ["nofile"] = "Max open files",
        ["nproc"] = "Max processes",
        ["rss"] = "Max resident set",
        ["rtprio"] = "Max realtime priority",
        ["rttime"] = "Max realtime timeout",
        ["sigpending"] = "Max pending signals",
        ["stack"] = "Max stack size",
    };

    public static bool IsKnown(string name) => s_names.ContainsKey(name);

    /// <summary>What the process of a container gets; null without any.</summary>
    public static List<ConfigRlimit>? For(IReadOnlyCollection<Ulimit> asked, RuntimeOptions options)
    {
        const ulong sysResource = 1UL << 24;
        bool mayRaise = options.Rung == RuntimeRung.Root && (Capabilities.ReadEffectiveSet() & sysResource) != 0;
        return asked.Count == 0 ? null : For(asked, mayRaise);
    }

    /// <param name="asked">Known names.</param>
    /// <param name="mayRaise">Whether we have CAP_SYS_RESOURCE.</param>
    public static List<ConfigRlimit> For(IEnumerable<Ulimit> asked, bool mayRaise)
    {
        Dictionary<string, ulong> ours = ReadHardLimits(File.ReadLines("/proc/self/limits"));
        return [.. asked.Select(limit =>
        {
            ulong most = mayRaise ? ulong.MaxValue : ours.GetValueOrDefault(s_names[limit.Name], ulong.MaxValue);
            ulong hard = Math.Min(limit.Hard, most);
            return new ConfigRlimit($"RLIMIT_{limit.Name.ToUpperInvariant()}", Math.Min(limit.Soft, hard), hard);
        })];
    }

    private static Dictionary<string, ulong> ReadHardLimits(IEnumerable<string> lines)
    {
        Dictionary<string, ulong> limits = new(StringComparer.Ordinal);
        foreach (string line in lines.Where(line => line.Length > 47 && line.StartsWith("Max ", StringComparison.Ordinal)))
        {
            // Columns are 26, 21 and 21 wide.
            string hard = line[47..].Split(' ', 2)[0];
            limits[line[..26].TrimEnd()] = ulong.TryParse(hard, CultureInfo.InvariantCulture, out ulong value) ? value : ulong.MaxValue;
        }

        return limits;
    }
}
