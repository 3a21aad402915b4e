using System.Globalization;

namespace Mica.Linux;

/// <summary>
/// A process, told apart from later ones with the same number: <paramref name="StartTime"/> is in clock ticks since the boot
/// that <paramref name="BootId"/> names. proc_pid_stat(5).
/// </summary>
public readonly record struct ProcessIdentity(int ProcessId, long StartTime, string BootId)
{
    /// <summary>The kernel's random UUID of this boot.</summary>
    public static string CurrentBootId { get; } = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    /// <summary>This process.</summary>
    public static ProcessIdentity Current { get; } =
        new(Environment.ProcessId, ReadStartTime(Environment.ProcessId) ?? throw new IOException("/proc/self/stat cannot be read"), CurrentBootId);

    /// <summary>The process that has this number now; null when there is none, or only its remains (a zombie).</summary>
    public static ProcessIdentity? Of(int processId) =>
        ReadStartTime(processId) is { } start ? new ProcessIdentity(processId, start, CurrentBootId) : null;

    /// <summary>
    /// Whether it still runs, as far as this process's /proc shows: a process of another PID namespace counts as dead.
    /// </summary>
    public bool IsAlive() => BootId == CurrentBootId && ReadStartTime(ProcessId) == StartTime;

    private static long? ReadStartTime(int processId)
    {
        string stat;
        try
        {
            stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
        }
        catch (IOException)
        {
            return null;
        }

        // The second field is the name in parentheses, and may hold anything; field 3 is the state, 22 the start time.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[0] is "Z" or "X" or "x" ? null : long.Parse(fields[22 - 3], CultureInfo.InvariantCulture);
    }
}
