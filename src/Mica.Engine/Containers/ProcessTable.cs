using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Mica.Engine;

/// <summary>The machine's processes, as far as they are a container's: in the PID namespace of its first process. proc_pid_stat(5).</summary>
internal static class ProcessTable
{
    private const long TicksPerSecond = 100; // sysconf(_SC_CLK_TCK) on Linux

    public static ImmutableArray<ContainerTask> Of(int first, DateTimeOffset now)
    {
        string space = NamespaceOf(first) ?? "";
        double uptime = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture);
        ImmutableArray<ContainerTask>.Builder tasks = ImmutableArray.CreateBuilder<ContainerTask>();
        foreach (string directory in Directory.GetDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int process)
                && NamespaceOf(process) == space && TryRead(process, uptime, now) is { } task)
            {
                tasks.Add(task);
            }
        }

        return [.. tasks.OrderBy(task => task.ProcessId)];
    }

    private static string? NamespaceOf(int process)
    {
        try
        {
            return File.ResolveLinkTarget(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/ns/pid"), returnFinalTarget: false)?.Name;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null; // ended, or another's
        }
    }

    private static ContainerTask? TryRead(int process, double uptime, DateTimeOffset now)
    {
        string directory = string.Create(CultureInfo.InvariantCulture, $"/proc/{process}");
        try
        {
            string stat = File.ReadAllText($"{directory}/stat");
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            long Field(int number) => long.Parse(fields[number - 3], CultureInfo.InvariantCulture);
            double seconds = (double)(Field(14) + Field(15)) / TicksPerSecond;
            double age = Math.Max(uptime - ((double)Field(22) / TicksPerSecond), 0.01);
            string command = Encoding.UTF8.GetString(File.ReadAllBytes($"{directory}/cmdline")).Replace('\0', ' ').Trim();
            string name = stat[(stat.IndexOf('(', StringComparison.Ordinal) + 1)..stat.LastIndexOf(')')];
            string uid = File.ReadLines($"{directory}/status").First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1];
            return new ContainerTask(
                uid == "0" ? "root" : uid, process, (int)Field(4), (int)(100 * seconds / age), now - TimeSpan.FromSeconds(age),
                Field(7) == 0 ? "?" : $"pts/{Field(7) & 0xff}", TimeSpan.FromSeconds((long)seconds), command.Length > 0 ? command : $"[{name}]");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException)
        {
            return null; // it has ended meanwhile
        }
    }
}
