using System.Collections.Immutable;

namespace Mica.Runtime;

/// <summary>Where containers are run from.</summary>
/// <param name="StateDirectory">For what exists only while containers do, such as <c>/run/mica</c>: short, ours alone, made if missing.</param>
/// <param name="ScratchDirectory">On a disk that overlayfs can write to: for writes that are discarded. Ours alone, made if missing.</param>
public sealed record RuntimeOptions(string StateDirectory, string ScratchDirectory)
{
    /// <summary>Where programs are looked for.</summary>
    public ImmutableArray<string> ProgramDirectories { get; init; } =
        ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/libexec/podman", "/usr/lib/podman"];

    /// <summary><c>crun</c>, <c>runc</c> or a path to one of them; null: whichever is there.</summary>
    public string? Runtime { get; init; }

    /// <summary>What we may do here.</summary>
    public RuntimeRung Rung { get; init; } = RuntimeRung.Root;

    /// <summary>
    /// Containers see this machine's <c>/proc</c> and <c>/sys</c>: a fresh one cannot be mounted in a container whose own has masks.
    /// </summary>
    public bool SharesProc { get; init; }

    /// <summary>Which addresses of the bridge are taken: the same for all that share the bridge, so for the whole machine.</summary>
    public string NetworkDirectory { get; init; } = "/run/mica-network";

    /// <summary>The machine's name servers.</summary>
    public string ResolvConf { get; init; } = "/etc/resolv.conf";

    /// <summary>Where the kernel says which programs of other machines it can run.</summary>
    public string BinfmtDirectory { get; init; } = "/proc/sys/fs/binfmt_misc";

    /// <summary>The path of a program of the machine's; null when it is not there.</summary>
    public string? FindProgram(string name) =>
        ProgramDirectories.Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);
}

/// <summary>What a process may do about containers, best first.</summary>
public enum RuntimeRung
{
    /// <summary>Root with CAP_SYS_ADMIN.</summary>
    Root,

    /// <summary>Root of a user namespace with the user's subordinate ids.</summary>
    SubordinateIds,

    /// <summary>Root of a user namespace with the user's own id alone: every file belongs to root, whatever chown says.</summary>
    SingleId,

    /// <summary>Nothing: no step can be run.</summary>
    None,
}
