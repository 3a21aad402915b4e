using System.Globalization;

namespace Mica.Engine;

/// <summary>Counters of the kernel that are not in cgroups. proc_pid_net(5), proc_meminfo(5).</summary>
internal static class NetworkTraffic
{
    /// <summary>Bytes that came and went by the interfaces, but for the loopback, of a process's network.</summary>
    public static (long Received, long Sent) Of(int process)
    {
        long received = 0, sent = 0;
        try
        {
            foreach (string line in File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/net/dev")).Skip(2))
            {
                int colon = line.IndexOf(':', StringComparison.Ordinal);
                string[] fields = line[(colon + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (line[..colon].Trim() != "lo" && fields.Length > 8)
                {
                    received += long.Parse(fields[0], CultureInfo.InvariantCulture);
                    sent += long.Parse(fields[8], CultureInfo.InvariantCulture);
                }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // It has ended.
        }

        return (received, sent);
    }

    /// <summary>Bytes of the machine.</summary>
    public static long MachineMemory()
    {
        string line = File.ReadLines("/proc/meminfo").First();
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
