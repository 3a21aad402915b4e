using System.Collections.Immutable;
using System.Globalization;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// One container, from its mounts to its end, on a thread of its own. The thread has mounts of its own; the runtime is process 1
/// of a PID namespace of its own, and the kernel kills it when this process dies. Waiting for it waits for all its descendants.
/// </summary>
internal sealed class ContainerLaunch(
    ContainerSpec spec, RuntimeOptions options, OciRuntime runtime, ContainerDirectory directory, ContainerNetwork network, ContainerOutput output)
{
    private readonly Lock _lock = new();
    private ChildProcess? _child;
    private bool _cancelled;

    private string RootPath => Path.Combine(directory.Bundle, "rootfs");

    private string LogPath => Path.Combine(directory.Bundle, "log");

    private bool UsesUserXattrs => options.Rung != RuntimeRung.Root;

    private bool UsesCgroups => options.Rung == RuntimeRung.Root && (spec.Limits.HasAny || !runtime.IsCrun);

    /// <summary>Kills the container, now or when it would start.</summary>
    public void Cancel()
    {
        lock (_lock)
        {
            _cancelled = true;
            _child?.Kill(Signals.Kill);
        }
    }

    public ContainerExit Run()
    {
        ThreadNamespaces.UnshareMounts();
        MountTable.MountTmpfs(directory.Bundle, "mode=700");
        PrepareCgroups();
        using DirectoryHandle upper = DirectoryHandle.Open(spec.Root.UpperDirectory);
        MountPoints mountPoints = new(upper);
        List<string> mounted = [];
        try
        {
            MountRoot(mounted);
            WriteBundle(mountPoints, mounted);
            long killedBefore = ReadOutOfMemoryKills();
            int code = RunRuntime();
            return Exit(code) with { OutOfMemory = code != 0 && ReadOutOfMemoryKills() > killedBefore };
        }
        finally
        {
            foreach (string at in Enumerable.Reverse(mounted))
            {
                MountTable.Unmount(at);
            }

            mountPoints.Remove();
        }
    }

    private void PrepareCgroups()
    {
        if (runtime.IsCrun && !UsesCgroups)
        {
            Cgroups.HideAll();
        }
        else if (runtime.IsCrun && Cgroups.IsHybrid())
        {
            Cgroups.HideUnified();
        }
    }

    private void MountRoot(List<string> mounted)
    {
        Directory.CreateDirectory(RootPath);
        string names = Directory.CreateDirectory(Path.Combine(directory.Bundle, "layers")).FullName;
        ImmutableArray<string> lowers = spec.Root.LowerDirectories.IsEmpty
            ? [Directory.CreateDirectory(Path.Combine(directory.Bundle, "empty")).FullName]
            : spec.Root.LowerDirectories;
        Overlay overlay = new(lowers, spec.Root.UpperDirectory, spec.Root.WorkDirectory)
        {
            UsesUserXattrs = UsesUserXattrs,
            IsVolatile = spec.Root.IsVolatile,
        };
        MountTable.MountOverlay(overlay, RootPath, names);
        mounted.Add(RootPath);
    }

    private void WriteBundle(MountPoints mountPoints, List<string> mounted)
    {
        using DirectoryHandle root = DirectoryHandle.Open(RootPath);
        BundleMounts bundle = new(directory.Bundle, directory.Scratch, mountPoints, root, UsesUserXattrs);
        List<ConfigMount> mounts = [];
        try
        {
            foreach (string own in (ReadOnlySpan<string>)["/proc", "/dev", "/sys"])
            {
                mountPoints.Prepare(root, own, isDirectory: true);
            }

            mounts.Add(bundle.AddFile("/etc/hosts", NetworkFiles.Hosts(spec, network.Bridge?.Address, network.MachineAddress)));
            string machine = File.Exists(options.ResolvConf) ? File.ReadAllText(options.ResolvConf) : "";
            mounts.Add(bundle.AddFile("/etc/resolv.conf", NetworkFiles.ResolvConf(machine, spec.Dns, !network.IsHost)));
            mounts.Add(bundle.AddFile("/etc/hostname", spec.Hostname + "\n"));
            foreach (ContainerMount mount in spec.Mounts)
            {
                mounts.Add(bundle.Add(mount));
            }
        }
        finally
        {
            mounted.AddRange(bundle.Mounted.Reverse());
        }

        string workingDirectory = bundle.IsBelowMount(spec.WorkingDirectory)
            ? spec.WorkingDirectory
            : MountPoints.MakeWorkingDirectory(root, spec.WorkingDirectory, spec.User);
        ConfigBuilder config = new(spec, options, mounts, workingDirectory, RootPath)
        {
            UsesHostNetwork = network.IsHost,
            NetworkNamespace = network.Bridge is null ? null : BindNetwork(network.Bridge),
            CgroupsPath = UsesCgroups ? Cgroups.PathOf(spec.Id) : null,
        };
        File.WriteAllBytes(Path.Combine(directory.Bundle, "config.json"), RuntimeConfigContext.Write(config.Build()));
    }

    /// <summary>The runtime, in its own PID namespace, has another /proc than ours.</summary>
    private string BindNetwork(BridgeNetwork bridge)
    {
        string path = Path.Combine(directory.Bundle, "network");
        File.WriteAllBytes(path, []);
        MountTable.Bind(bridge.NamespacePath, path);
        return path;
    }

    private int RunRuntime()
    {
        List<string> words = [];
        words.AddRange([Program("setpriv"), "--pdeathsig", "KILL"]);
        if (!options.SharesProc)
        {
            words.AddRange([Program("unshare"), "--mount-proc", "--"]);
        }

        words.AddRange([runtime.Path, "--root", Path.Combine(directory.Bundle, "state"), "--log", LogPath, "--log-format", "json"]);
        if (runtime.IsCrun)
        {
            words.Add(UsesCgroups ? "--cgroup-manager=cgroupfs" : "--cgroup-manager=disabled");
        }

        words.AddRange(["run", "--bundle", directory.Bundle, spec.Id]);
        ThreadNamespaces.UnshareProcesses();
        // The runtime copies between our terminal and the container's, and puts ours back; unless it is killed.
        using TerminalMode? mode = spec.UsesTerminal ? TerminalMode.Save() : null;
        using ChildProcess child = ChildProcess.Start(new ChildCommand(words[0], [.. words], [$"PATH={string.Join(':', options.ProgramDirectories)}"])
        {
            SharesTerminal = spec.UsesTerminal,
        });
        lock (_lock)
        {
            _child = child;
            if (_cancelled)
            {
                child.Kill(Signals.Kill);
            }
        }

        try
        {
            child.ReadOutput((isError, bytes) => output(isError, bytes));
            return child.Wait();
        }
        finally
        {
            lock (_lock)
            {
                _child = null;
            }
        }
    }

    private ContainerExit Exit(int code)
    {
        ImmutableArray<string> notices = network.Notice is null ? [] : [network.Notice];
        if (code == 0 || OciRuntime.ReadFailure(LogPath) is not { } failure)
        {
            return new ContainerExit(code) { Notices = notices };
        }

        return OciRuntime.ClassifyFailure(failure) is { } start
            ? new ContainerExit(start) { StartFailure = $"{Printable.Of(spec.Command[0])}: {Printable.Of(failure)}", Notices = notices }
            : throw new MicaException(ErrorKind.Failed, $"container {spec.Id}: {runtime.Name}: {Printable.Of(failure)}");
    }

    private string Program(string name) => options.FindProgram(name)
        ?? throw new MicaException(ErrorKind.Unsupported, $"{name} is missing: install util-linux");

    /// <summary>The kernel's count of processes that it killed for lack of memory.</summary>
    private static long ReadOutOfMemoryKills()
    {
        string? line = File.ReadLines("/proc/vmstat").FirstOrDefault(line => line.StartsWith("oom_kill ", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line["oom_kill ".Length..], CultureInfo.InvariantCulture);
    }
}
