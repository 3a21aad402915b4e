using System.Text;
using Mica.Linux;
using Mica.Oci;

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

    /// <summary>The numbers of the device at a path of the machine.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: it is no device.</exception>
    public static (long Major, long Minor) NumbersOf(string path)
    {
        FileStatus status = StatusOf(path);
        return (status.NodeMajor, status.NodeMinor);
    }

    /// <summary>Adds <c>HOST[:CONTAINER[:rwm]]</c> to <paramref name="devices"/>.</summary>
    /// <returns>What the container may do with them.</returns>
    public static List<ConfigDeviceRule> Add(List<ConfigDevice> devices, IEnumerable<string> wanted)
    {
        List<ConfigDeviceRule> rules = [];
        foreach (string text in wanted)
        {
            string[] parts = text.Split(':');
            string host = parts[0];
            string access = parts.Length > 2 ? parts[2] : parts.Length == 2 && IsAccess(parts[1]) ? parts[1] : "rwm";
            string inside = parts.Length > 1 && !(parts.Length == 2 && IsAccess(parts[1])) ? parts[1] : host;
            if (!IsAccess(access) || !inside.StartsWith('/') || parts.Length > 3)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"bad format for path: {Printable.Of(text)}");
            }

            List<ConfigDevice> found = Directory.Exists(host) ? List(host) : [DeviceOf(host)];
            foreach (ConfigDevice device in found)
            {
                devices.Add(device with { Path = inside + device.Path[host.Length..] });
                rules.Add(new ConfigDeviceRule(Allow: true, access) { Type = device.Type, Major = device.Major, Minor = device.Minor });
            }
        }

        return rules;
    }

    private static bool IsAccess(string text) => text.Length > 0 && text.All(c => c is 'r' or 'w' or 'm');

    private static ConfigDevice DeviceOf(string path)
    {
        FileStatus status = StatusOf(path);
        return new ConfigDevice(path, status.Kind == FileKind.CharacterDevice ? "c" : "b", status.NodeMajor, status.NodeMinor, status.Mode, status.Uid, status.Gid);
    }

    private static FileStatus StatusOf(string path)
    {
        string full = Path.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path : path;
        string reason = "no such file or directory";
        if (Directory.Exists(Path.GetDirectoryName(full)))
        {
            using DirectoryHandle directory = DirectoryHandle.Open(Path.GetDirectoryName(full)!);
            Errno errno = directory.TryGetStatus(Encoding.UTF8.GetBytes(Path.GetFileName(full)), out FileStatus status);
            if (errno == Errno.None && status.Kind is FileKind.CharacterDevice or FileKind.BlockDevice)
            {
                return status;
            }

            reason = errno == Errno.None ? "not a device node" : LinuxException.Describe(errno);
        }

        throw new MicaException(
            ErrorKind.InvalidArgument, $"error gathering device information while adding custom device \"{Printable.Of(path)}\": {reason}");
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
