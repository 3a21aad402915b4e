using System.Text;
using Mica.Linux;

namespace Mica.Runtime;

/// <summary>The machine's device nodes, for a privileged container.</summary>
internal static class HostDevices
{
    /// <summary>File systems of their own, or made anew for every container.</summary>
    private static readonly string[] s_skipped = ["pts", "shm", "mqueue", "console", "ptmx", "fd", "null", "zero", "full", "random", "urandom", "tty"];

    public static List<ConfigDevice> List(string path)
    {
        List<ConfigDevice> devices = [];
        using DirectoryHandle root = DirectoryHandle.Open(path);
        Add(devices, root, path, depth: 0);
        return devices;
    }

    private static void Add(List<ConfigDevice> devices, DirectoryHandle directory, string path, int depth)
    {
        using DirectoryReader reader = new(directory);
        while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
        {
            string text = Encoding.UTF8.GetString(name);
            if ((depth == 0 && s_skipped.Contains(text)) || directory.TryGetStatus(name, out FileStatus status) != Errno.None)
            {
                continue;
            }

            if (status.Kind == FileKind.Directory && depth < 4 && directory.TryOpenDirectory(name, out DirectoryHandle? below) == Errno.None)
            {
                using (below)
                {
                    Add(devices, below!, $"{path}/{text}", depth + 1);
                }
            }
            else if (status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice)
            {
                string type = status.Kind == FileKind.CharacterDevice ? "c" : "b";
                devices.Add(new ConfigDevice($"{path}/{text}", type, status.NodeMajor, status.NodeMinor, status.Mode, status.Uid, status.Gid));
            }
        }
    }
}
