using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.ExceptionServices;
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

    private string LogPath => Path.Combine(directory.Bundle, "log");

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

    /// <summary>
    /// Runs it to its end. A thread of its own goes into the namespaces, and hands nothing to anybody: in a new PID namespace it
    /// cannot make threads, and a thread that the pool made on its behalf would see its mounts for ever.
    /// </summary>
    public ContainerExit Run()
    {
        ContainerExit? exit = null;
        ExceptionDispatchInfo? failure = null;
        using ManualResetEventSlim started = new();
        Thread inside = new(() =>
        {
            try
            {
                exit = RunInside(started);
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
            finally
            {
                started.Set();
            }
        })
        {
            IsBackground = true,
            Name = $"container {spec.Id}",
        };
        inside.Start();
        started.Wait();
        try
        {
            _child?.ReadOutput((isError, bytes) => output(isError, bytes));
        }
        finally
        {
            inside.Join(); // its mounts end with it
            _child?.Dispose();
        }

        failure?.Throw();
        return exit!;
    }

    private ContainerExit RunInside(ManualResetEventSlim started)
    {
        ThreadNamespaces.UnshareMounts();
        MountTable.MountTmpfs(directory.Bundle, "mode=700");
        Cgroups.PrepareFor(runtime, UsesCgroups);
        using DirectoryHandle upper = DirectoryHandle.Open(spec.Root.UpperDirectory);
        MountPoints mountPoints = new(upper);
        BundleRoot root = new(spec, options, directory.Bundle, directory.Scratch);
        List<string> mounted = [];
        try
        {
            root.Mount(spec.Root.UpperDirectory, spec.Root.WorkDirectory);
            mounted.Add(root.RootPath);
            WriteBundle(root, mountPoints, mounted);
            long killedBefore = ReadOutOfMemoryKills();
            int code = RunRuntime(started);
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

    private void WriteBundle(BundleRoot root, MountPoints mountPoints, List<string> mounted)
    {
        string machine = File.Exists(options.ResolvConf) ? File.ReadAllText(options.ResolvConf) : "";
        BundleContents contents = root.Prepare(
            mountPoints,
            [
                new("/etc/hosts", NetworkFiles.Hosts(spec, network.Bridge?.Address, network.MachineAddress)),
                new("/etc/resolv.conf", NetworkFiles.ResolvConf(machine, spec.Dns, !network.IsHost)),
                new("/etc/hostname", spec.Hostname + "\n"),
            ],
            mounted);
        string workingDirectory = contents.CoversWorkingDirectory ? spec.WorkingDirectory : root.MakeWorkingDirectory();
        root.Write(new ConfigBuilder(spec, options, contents.Mounts, workingDirectory, root.RootPath)
        {
            UsesHostNetwork = network.IsHost,
            NetworkNamespace = network.Bridge is null ? null : BindNetwork(network.Bridge),
            CgroupsPath = UsesCgroups ? Cgroups.PathOf(spec.Id) : null,
        }.Build());
    }

    /// <summary>The runtime, in its own PID namespace, has another /proc than ours.</summary>
    private string BindNetwork(BridgeNetwork bridge)
    {
        string path = Path.Combine(directory.Bundle, "network");
        File.WriteAllBytes(path, []);
        MountTable.Bind(bridge.NamespacePath, path);
        return path;
    }

    private int RunRuntime(ManualResetEventSlim started)
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
        var child = ChildProcess.Start(new ChildCommand(words[0], [.. words], [$"PATH={string.Join(':', options.ProgramDirectories)}"])
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

        started.Set();
        return child.Wait();
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
