using System.Globalization;
using Mica.Linux;

namespace Mica.Runtime;

/// <summary>The cgroups of our containers: <c>/mica/ID</c> in every hierarchy. cgroups(7).</summary>
internal static class Cgroups
{
    private const string Mount = "/sys/fs/cgroup";
    private const string Ours = "mica";
    private const int MaxPasses = 50;

    public static string PathOf(string id) => $"/{Ours}/{id}";

    /// <summary>Whether there is one hierarchy, of version 2.</summary>
    public static bool IsUnified => File.Exists(Path.Combine(Mount, "cgroup.controllers"));

    /// <summary>Whether the kernel killed something in the container's cgroup for lack of memory.</summary>
    public static bool WasOutOfMemory(string id)
    {
        string path = IsUnified
            ? Path.Combine(Mount, Ours, id, "memory.events") : Path.Combine(Mount, "memory", Ours, id, "memory.oom_control");
        try
        {
            return File.Exists(path) && File.ReadLines(path).Any(line => line.StartsWith("oom_kill ", StringComparison.Ordinal) && line != "oom_kill 0");
        }
        catch (IOException)
        {
            return false; // removed just now
        }
    }

    /// <summary>Whether hierarchies of version 1 are mounted beside one of version 2 that has controllers, which crun refuses.</summary>
    public static bool IsHybrid()
    {
        string controllers = Path.Combine(Mount, "unified", "cgroup.controllers");
        return File.Exists(controllers) && File.ReadAllText(controllers).Trim().Length > 0;
    }

    /// <summary>Makes the thread's /sys/fs/cgroup one that the runtime accepts.</summary>
    public static void PrepareFor(OciRuntime runtime, bool usesCgroups)
    {
        if (runtime.IsCrun && !usesCgroups)
        {
            HideAll();
        }
        else if (runtime.IsCrun && IsHybrid())
        {
            HideUnified();
        }
    }

    private static void HideUnified() => MountTable.Unmount(Path.Combine(Mount, "unified"), detach: true);

    /// <summary>An empty one, on which crun runs without.</summary>
    private static void HideAll() => MountTable.MountTmpfs(Mount, "mode=755,size=64k");

    /// <summary>Kills what is in the container's cgroups, and removes them.</summary>
    public static void Remove(string id)
    {
        foreach (string hierarchy in Hierarchies())
        {
            // runc puts it below the cgroup that we are in.
            string group = Path.Combine(hierarchy, Ours, id);
            if (Directory.Exists(group))
            {
                RemoveGroup(group);
            }
        }
    }

    private static string[] Hierarchies() =>
        !Directory.Exists(Mount) ? []
        : File.Exists(Path.Combine(Mount, "cgroup.controllers")) ? [Mount]
        : Directory.GetDirectories(Mount);

    private static void RemoveGroup(string group)
    {
        for (int pass = 0; pass < MaxPasses && Directory.Exists(group); pass++)
        {
            try
            {
                foreach (string below in Directory.GetDirectories(group))
                {
                    RemoveGroup(below);
                }

                foreach (string line in File.ReadAllLines(Path.Combine(group, "cgroup.procs")))
                {
                    if (int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out int process) && process > 0)
                    {
                        Signals.Send(process, Signals.Kill);
                    }
                }

                // Its files are the kernel's, and go with it.
                using DirectoryHandle parent = DirectoryHandle.Open(Path.GetDirectoryName(group)!);
                if (parent.TryRemoveDirectory(System.Text.Encoding.UTF8.GetBytes(Path.GetFileName(group))) == Errno.None)
                {
                    return;
                }
            }
            catch (IOException)
            {
                // Removed meanwhile, or about to be.
            }

            Thread.Yield();
        }
    }
}
