using System.Globalization;
using System.Text;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// A container that outlives the process that starts it. Its mounts hang on a mount namespace that only its monitor and its own
/// processes have, so they are gone when those are. Whoever calls this holds the container's lock.
/// </summary>
public sealed class DetachedContainer
{
    private static readonly TimeSpan s_startPatience = TimeSpan.FromSeconds(10);

    private readonly RuntimeOptions _options;
    private readonly OciRuntime _runtime;
    private readonly string _id;
    private readonly ContainerFiles _files;

    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: no runtime here.</exception>
    public DetachedContainer(RuntimeOptions options, string id, ContainerFiles files) =>
        (_options, _runtime, _id, _files) = (options, OciRuntime.Find(options), id, files);

    private bool UsesCgroups => _options.Rung == RuntimeRung.Root;

    private string[] RuntimeArguments => _runtime.Arguments(_files.RuntimeState, _files.RuntimeLog, UsesCgroups);

    /// <summary>
    /// Makes its processes' surroundings, and its first process, which waits for <see cref="Start"/>. The root's upper and
    /// work directories are <see cref="ContainerFiles.Upper"/> and <see cref="ContainerFiles.Work"/>.
    /// </summary>
    /// <param name="spec">The container.</param>
    /// <param name="monitor">How it is looked after.</param>
    /// <param name="network">The file of a network namespace to join; null: what the specification says.</param>
    /// <param name="etc">Whose hosts, hostname and resolv.conf it has: its own, or those of the container whose network it joins.</param>
    /// <exception cref="ContainerFailedException">Its program cannot be run.</exception>
    public CreatedContainer Create(ContainerSpec spec, MonitorOptions monitor, string? network, ContainerFiles etc)
    {
        ContainerRunner.Validate(spec);
        spec = spec.UsesInit ? spec with { Mounts = [.. spec.Mounts, ContainerInit.Mount(_options)] } : spec;
        Remove(kills: true);
        Directory.CreateDirectory(_files.Exits, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        int process = RuntimeThread.Run(_runtime, UsesCgroups, () =>
        {
            WriteBundle(spec, network, etc);
            return new ConmonMonitor(_options, _runtime, _id, _files).Create(monitor, RuntimeArguments);
        });
        return new CreatedContainer(
            ProcessIdentity.Of(process) ?? new ProcessIdentity(process, 0, ProcessIdentity.CurrentBootId),
            ContainerFiles.ReadNumber(_files.MonitorPidFile) is { } number ? ProcessIdentity.Of(number) : null);
    }

    /// <summary>Writes its /etc/hosts anew, when its address is known.</summary>
    public void WriteHosts(ContainerSpec spec, string? address, string? machine) =>
        File.WriteAllText(_files.Hosts, NetworkFiles.Hosts(spec, address, machine));

    /// <summary>Lets the first process of a created container become its program.</summary>
    public void Start()
    {
        if (!_runtime.IsCrun || !TryOpenGate())
        {
            Invoke("start", _id);
        }
    }

    /// <summary>Stops all its processes where they are, until <see cref="Resume"/>.</summary>
    public void Pause() => Invoke("pause", _id);

    /// <summary>Lets them go on.</summary>
    public void Resume() => Invoke("resume", _id);

    /// <summary>Gives a running container other limits.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: it has no cgroup.</exception>
    public void Update(ResourceLimits limits)
    {
        if (!UsesCgroups)
        {
            throw new MicaException(ErrorKind.Unsupported, "an ordinary user's containers have no limits: they have no cgroup");
        }

        string path = Path.Combine(_files.Bundle, "limits.json");
        ConfigResources resources = ConfigLimits.Of(limits, new IsolationSpec(), []) with { Devices = null };
        File.WriteAllBytes(path, RuntimeConfigContext.Write(resources));
        Invoke("update", "--resources", path, _id);
    }

    /// <summary>The exit code of its program, when it has ended and its monitor has seen that; null otherwise.</summary>
    public (int Code, DateTimeOffset At)? ReadExit()
    {
        string path = Path.Combine(_files.Exits, _id);
        return ContainerFiles.ReadNumber(path) is { } code ? (code, File.GetLastWriteTimeUtc(path)) : null;
    }

    /// <summary>Whether the kernel killed something in it for lack of memory; to be asked before <see cref="Remove"/>.</summary>
    public static bool WasOutOfMemory(string id) => Cgroups.WasOutOfMemory(id);

    /// <summary>
    /// Removes what is left of it on the machine. Its files in the store stay. <paramref name="kills"/>: its monitor, which would
    /// run the exit command, is killed before.
    /// </summary>
    public void Remove(bool kills)
    {
        if (Directory.Exists(_files.Bundle))
        {
            if (kills && ContainerFiles.ReadNumber(_files.MonitorPidFile) is { } monitor && ProcessIdentity.Of(monitor) is { } identity && IsMonitor(monitor))
            {
                // It would run the exit command; what has to be done is done here.
                using ProcessHandle? handle = ProcessHandle.TryOpen(identity);
                handle?.Signal(Signals.Kill);
            }

            Cgroups.Remove(_id);
            RemoveBundle();
        }
    }

    /// <summary>What the monitor calls sees the container's mounts, since it is in the same mount namespace.</summary>
    private void RemoveBundle()
    {
        try
        {
            LinuxFileSystem.RemoveTree(_files.Bundle);
        }
        catch (LinuxException failure) when (failure.Errno == Errno.EBUSY)
        {
            MountTable.UnmountBelow(_files.Bundle);
            LinuxFileSystem.RemoveTree(_files.Bundle);
        }
    }

    /// <summary>Runs a further program in it, with this process's standard streams.</summary>
    /// <returns>Its exit code.</returns>
    /// <exception cref="ContainerFailedException">It cannot be run.</exception>
    public int Execute(ContainerProcess process) => new ContainerExecution(_options, _runtime, _id, _files).Run(process);

    /// <summary>Runs a further program in it, hands on what it writes, and kills it when it takes longer than <paramref name="timeout"/>.</summary>
    /// <returns>Its exit code; null when it took too long.</returns>
    /// <exception cref="ContainerFailedException">It cannot be run.</exception>
    public int? Execute(ContainerProcess process, ContainerOutput output, TimeSpan timeout) =>
        new ContainerExecution(_options, _runtime, _id, _files).Run(process, output, timeout);

    /// <summary>Changes the size of its terminal.</summary>
    public void Resize(int rows, int columns) =>
        Fifo.TryWrite(
            Path.Combine(_files.Bundle, "winsz"), Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{rows} {columns}\n")),
            TimeSpan.Zero, removes: false);

    /// <summary>Connects to its standard streams.</summary>
    public ContainerAttachment Attach() => ContainerAttachment.Connect(_files.Bundle);

    /// <summary>Removes the remains of containers that are gone from <paramref name="directory"/>; <paramref name="isKnown"/> tells those that are not.</summary>
    public static void RemoveUnknown(string directory, Func<string, bool> isKnown)
    {
        foreach (string bundle in Directory.Exists(directory) ? Directory.GetDirectories(directory) : [])
        {
            if (!isKnown(Path.GetFileName(bundle)))
            {
                Cgroups.Remove(Path.GetFileName(bundle));
                LinuxFileSystem.RemoveTree(bundle);
            }
        }
    }

    internal static bool IsMonitor(int process)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/comm")).Trim() == "conmon";
        }
        catch (IOException)
        {
            return false;
        }
    }

    private void WriteBundle(ContainerSpec spec, string? network, ContainerFiles etc)
    {
        BundleRoot root = new(spec, _options, _files.Bundle, Path.Combine(_files.Directory, "scratch"));
        BundleContents contents = PrepareInit(root, spec, etc);
        root.Mount(_files.Upper, _files.Work, _files.Init);
        string workingDirectory = contents.CoversWorkingDirectory ? spec.WorkingDirectory : root.MakeWorkingDirectory();
        root.Write(new ConfigBuilder(spec, _options, contents.Mounts, workingDirectory, root.RootPath)
        {
            UsesHostNetwork = spec.Network == NetworkMode.Host,
            NetworkNamespace = network,
            CgroupsPath = UsesCgroups ? Cgroups.PathOf(_id) : null,
        }.Build());
    }

    /// <summary>Mount points are made in a layer of their own, so that they are no change of the container's.</summary>
    private BundleContents PrepareInit(BundleRoot root, ContainerSpec spec, ContainerFiles etc)
    {
        string work = Path.Combine(_files.Directory, "init-work");
        Directory.CreateDirectory(work);
        root.Mount(_files.Init, work);
        try
        {
            using DirectoryHandle init = DirectoryHandle.Open(_files.Init);
            return root.Prepare(new MountPoints(init), EtcFiles(spec, etc), []);
        }
        finally
        {
            MountTable.Unmount(root.RootPath);
            LinuxFileSystem.RemoveTree(work);
        }
    }

    private IEnumerable<BundleFile> EtcFiles(ContainerSpec spec, ContainerFiles etc)
    {
        if (etc != _files)
        {
            return
            [
                new BundleFile("/etc/hosts", File.ReadAllText(etc.Hosts), etc.Hosts),
                new BundleFile("/etc/resolv.conf", File.ReadAllText(etc.ResolvConf), etc.ResolvConf),
                new BundleFile("/etc/hostname", File.ReadAllText(etc.Hostname), etc.Hostname),
            ];
        }

        bool isHost = spec.Network == NetworkMode.Host;
        string machine = File.Exists(_options.ResolvConf) ? File.ReadAllText(_options.ResolvConf) : "";
        return
        [
            new BundleFile("/etc/hosts", NetworkFiles.Hosts(spec, null, isHost ? "127.0.0.1" : null), _files.Hosts),
            new BundleFile("/etc/resolv.conf", NetworkFiles.ResolvConf(machine, spec.Dns, !isHost), _files.ResolvConf),
            new BundleFile("/etc/hostname", spec.Hostname + "\n", _files.Hostname),
        ];
    }

    /// <summary>
    /// What <c>crun start</c> does, without the ten milliseconds that it takes to begin: the container's first process waits
    /// for somebody to write to a FIFO in the runtime's directory. False when it is not there.
    /// </summary>
    private bool TryOpenGate()
    {
        string gate = Path.Combine(_files.RuntimeState, _id, "exec.fifo");
        return File.Exists(gate) && Fifo.TryWrite(gate, "0"u8, s_startPatience, removes: true);
    }

    private void Invoke(params string[] words)
    {
        StringBuilder said = new();
        int code = RuntimeThread.Run(_runtime, UsesCgroups, () =>
        {
            using ChildProcess child = ChildProcess.Start(new ChildCommand(
                _runtime.Path, [_runtime.Path, .. RuntimeArguments, .. words], [$"PATH={string.Join(':', _options.ProgramDirectories)}"]));
            child.ReadOutput((_, bytes) => said.Append(Encoding.UTF8.GetString(bytes)));
            return child.Wait();
        });
        if (code != 0)
        {
            string reason = OciRuntime.ReadFailure(_files.RuntimeLog) ?? said.ToString().Trim();
            throw new MicaException(ErrorKind.Failed, $"container {ContainerFiles.Short(_id)}: {_runtime.Name} {words[0]}: {Printable.Of(reason)}");
        }
    }
}

/// <summary>What looks after a container, and its first process.</summary>
public sealed record CreatedContainer(ProcessIdentity Process, ProcessIdentity? Monitor);
