using System.Globalization;

namespace Mica.Runtime;

/// <summary>
/// Where a container is on this machine: its bundle, among what is gone after a reboot, and what of it lasts.
/// </summary>
/// <param name="Bundle">Its directory among what exists only while containers run. Short, since sockets lie in it.</param>
/// <param name="Directory">Its directory in the store.</param>
public sealed record ContainerFiles(string Bundle, string Directory)
{
    /// <summary>What the container changes.</summary>
    public string Upper => Path.Combine(Directory, "upper");

    /// <summary>Of no use but to overlayfs.</summary>
    public string Work => Path.Combine(Directory, "work");

    /// <summary>A layer between the image's and the container's own, for the points that something is mounted on.</summary>
    public string Init => Path.Combine(Directory, "init");

    /// <summary>The log.</summary>
    public string Log => Path.Combine(Directory, "log");

    /// <summary>Its /etc/hosts.</summary>
    public string Hosts => Path.Combine(Directory, "hosts");

    /// <summary>Its /etc/hostname.</summary>
    public string Hostname => Path.Combine(Directory, "hostname");

    /// <summary>Its /etc/resolv.conf.</summary>
    public string ResolvConf => Path.Combine(Directory, "resolv.conf");

    /// <summary>Held by who changes the container's state.</summary>
    public string Lock => Path.Combine(Directory, "lock");

    /// <summary>What the runtime keeps about it.</summary>
    internal string RuntimeState => Path.Combine(Bundle, "runtime");

    internal string RuntimeLog => Path.Combine(Bundle, "runtime.log");

    internal string PidFile => Path.Combine(Bundle, "pid");

    internal string MonitorPidFile => Path.Combine(Bundle, "monitor.pid");

    internal string Exits => Path.Combine(Bundle, "exits");

    /// <summary>The first twelve digits, as docker shortens identifiers.</summary>
    public static string Short(string id) => id.Length > 12 ? id[..12] : id;

    internal static int? ReadNumber(string path) =>
        File.Exists(path) && int.TryParse(File.ReadAllText(path).Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
            ? number : null;
}
