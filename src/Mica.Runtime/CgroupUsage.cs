using System.Globalization;

namespace Mica.Runtime;

/// <summary>What the cgroup of a container says of its use of the machine, in either version. cgroups(7).</summary>
/// <param name="CpuNanoseconds">Of all its processes.</param>
/// <param name="MemoryBytes">Without what can be dropped at once.</param>
/// <param name="MemoryLimit">Null: none.</param>
/// <param name="Processes">And threads.</param>
/// <param name="ReadBytes">From disks.</param>
/// <param name="WrittenBytes">To disks.</param>
public sealed record CgroupUsage(long CpuNanoseconds, long MemoryBytes, long? MemoryLimit, long Processes, long ReadBytes, long WrittenBytes)
{
    private const string Mount = "/sys/fs/cgroup";

    /// <summary>Reads it; zeros where there is nothing to read.</summary>
    public static CgroupUsage Read(string id)
    {
        string path = Cgroups.PathOf(id)[1..];
        return Cgroups.IsUnified ? ReadUnified(Path.Combine(Mount, path)) : ReadSeparate(path);
    }

    private static CgroupUsage ReadUnified(string group)
    {
        Dictionary<string, long> io = new(StringComparer.Ordinal) { ["rbytes"] = 0, ["wbytes"] = 0 };
        foreach (string pair in Lines(group, "io.stat").SelectMany(line => line.Split(' ').Skip(1)))
        {
            string[] parts = pair.Split('=');
            if (parts.Length == 2 && io.ContainsKey(parts[0]) && long.TryParse(parts[1], CultureInfo.InvariantCulture, out long bytes))
            {
                io[parts[0]] += bytes;
            }
        }

        return new CgroupUsage(
            1000 * Member(group, "cpu.stat", "usage_usec"), Math.Max(0, Number(group, "memory.current") - Member(group, "memory.stat", "inactive_file")),
            Limit(Number(group, "memory.max")), Number(group, "pids.current"), io["rbytes"], io["wbytes"]);
    }

    private static CgroupUsage ReadSeparate(string path)
    {
        string memory = Path.Combine(Mount, "memory", path);
        long read = 0, written = 0;
        foreach (string[] fields in Lines(Path.Combine(Mount, "blkio", path), "blkio.throttle.io_service_bytes").Select(line => line.Split(' ')))
        {
            if (fields.Length == 3 && long.TryParse(fields[2], CultureInfo.InvariantCulture, out long bytes))
            {
                read += fields[1] == "Read" ? bytes : 0;
                written += fields[1] == "Write" ? bytes : 0;
            }
        }

        return new CgroupUsage(
            Number(Path.Combine(Mount, "cpuacct", path), "cpuacct.usage"),
            Math.Max(0, Number(memory, "memory.usage_in_bytes") - Member(memory, "memory.stat", "total_inactive_file")),
            Limit(Number(memory, "memory.limit_in_bytes")), Number(Path.Combine(Mount, "pids", path), "pids.current"), read, written);
    }

    /// <summary>"No limit" is a word, or a number near the largest.</summary>
    private static long? Limit(long bytes) => bytes is > 0 and < 1L << 60 ? bytes : null;

    private static long Number(string group, string file) =>
        long.TryParse(Lines(group, file).FirstOrDefault(), CultureInfo.InvariantCulture, out long number) ? number : 0;

    private static long Member(string group, string file, string name)
    {
        string? line = Lines(group, file).FirstOrDefault(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        return line is not null && long.TryParse(line[(name.Length + 1)..], CultureInfo.InvariantCulture, out long number) ? number : 0;
    }

    private static string[] Lines(string group, string file)
    {
        try
        {
            return File.ReadAllLines(Path.Combine(group, file));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return []; // no such controller, or gone
        }
    }
}
