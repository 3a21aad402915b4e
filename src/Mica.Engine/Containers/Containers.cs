using System.Collections.Immutable;
using System.Globalization;
using Mica.Linux;
using Mica.Oci;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Engine;

/// <summary>
/// The containers of a root directory. Each is an image's layers with a writable layer above, and a process or none; it outlives
/// whoever started it. What changes a container holds its lock, so that any number of processes can use the same one.
/// </summary>
public sealed partial class Containers
{
    private readonly Engine _engine;

    internal Containers(Engine engine) => _engine = engine;

    private ObjectRecords Records => _engine.Store.Objects;

    private DateTimeOffset Now => _engine.Options.Time.GetUtcNow();

    /// <summary>
    /// Makes a container, whose image is pulled if need be (which <paramref name="progress"/> is told). It does not run yet.
    /// </summary>
    /// <param name="definition">What it is to be.</param>
    /// <param name="name">Null: one that nobody has.</param>
    /// <param name="pull">When the image is pulled.</param>
    /// <param name="progress">Is told about the pull.</param>
    /// <param name="cancellationToken">Cancels; nothing is left.</param>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.Conflict"/>: the name is taken. <see cref="ErrorKind.NotFound"/>: no such image.
    /// <see cref="ErrorKind.InvalidArgument"/>: it cannot be.
    /// </exception>
    public Task<Container> CreateAsync(
        ContainerDefinition definition, string? name, ImagePullPolicy pull, IProgress<ProgressEvent>? progress, CancellationToken cancellationToken) =>
        new ContainerCreation(_engine, this).RunAsync(definition, name, pull, progress, cancellationToken);

    /// <summary>All containers, the newest first, as they are now.</summary>
    public async Task<ImmutableArray<Container>> ListAsync(CancellationToken cancellationToken)
    {
        ImmutableArray<Container>.Builder containers = ImmutableArray.CreateBuilder<Container>();
        foreach (StoredObject stored in await Records.ListAsync(ObjectKind.Container, cancellationToken))
        {
            if (await UpToDateAsync(Container.Of(stored, FilesOf(stored.Id)), cancellationToken) is { } container)
            {
                containers.Add(container);
            }
        }

        return containers.ToImmutable();
    }

    /// <summary>The container with this name or identifier (or the beginning of one), as it is now.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: there is none.</exception>
    public async Task<Container> GetAsync(string nameOrId, CancellationToken cancellationToken)
    {
        string name = nameOrId.StartsWith('/') ? nameOrId[1..] : nameOrId;
        StoredObject? stored = await Records.FindAsync(ObjectKind.Container, name, cancellationToken);
        return stored is not null && await UpToDateAsync(Container.Of(stored, FilesOf(stored.Id)), cancellationToken) is { } container
            ? container : throw new MicaException(ErrorKind.NotFound, $"no such container: {Printable.Of(nameOrId)}");
    }

    /// <summary>Starts a container; one that runs stays as it is.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>, <see cref="ErrorKind.Conflict"/>: it is paused.</exception>
    /// <exception cref="ContainerFailedException">Its program cannot be run.</exception>
    public async Task StartAsync(string nameOrId, CancellationToken cancellationToken)
    {
        await using ContainerHold held = await HoldAsync(nameOrId, cancellationToken);
        if (held.Container.State.Status == ContainerStatus.Paused)
        {
            throw new MicaException(ErrorKind.Conflict, "cannot start a paused container, try unpause instead");
        }

        if (!held.Container.State.IsRunning)
        {
            await new ContainerStart(_engine, this, held).RunAsync(attaches: false, isAttended: false, cancellationToken);
        }
    }

    /// <summary>
    /// Starts a container that does not run, and connects to its standard streams before its program begins. The caller sees to
    /// its end by <see cref="ContainerSession.WaitAsync"/>.
    /// </summary>
    public async Task<ContainerSession> StartAttachedAsync(string nameOrId, CancellationToken cancellationToken)
    {
        await using ContainerHold held = await HoldAsync(nameOrId, cancellationToken);
        if (held.Container.State.IsRunning)
        {
            return new ContainerSession(this, held.Container, Detached(held.Container).Attach());
        }

        bool isAttended = held.Container.Definition.Restart.Name == "no";
        ContainerAttachment attachment = (await new ContainerStart(_engine, this, held).RunAsync(attaches: true, isAttended, cancellationToken))!;
        return new ContainerSession(this, held.Container, attachment);
    }

    /// <summary>Connects to the standard streams of a container that runs.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Conflict"/>: it does not run.</exception>
    public async Task<ContainerSession> AttachAsync(string nameOrId, CancellationToken cancellationToken)
    {
        Container container = await GetAsync(nameOrId, cancellationToken);
        return container.State.Status switch
        {
            ContainerStatus.Running => new ContainerSession(this, container, Detached(container).Attach()),
            ContainerStatus.Paused => throw new MicaException(ErrorKind.Conflict, "cannot attach to a paused container, unpause it first"),
            _ => throw new MicaException(ErrorKind.Conflict, "cannot attach to a stopped container, start it first"),
        };
    }

    /// <summary>
    /// Asks a container to stop, and kills it when it has not within <paramref name="timeout"/> (null: its own, or ten seconds;
    /// negative: never). One that does not run stays as it is.
    /// </summary>
    public async Task StopAsync(string nameOrId, string? signal, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        Container container;
        await using (ContainerHold held = await HoldAsync(nameOrId, cancellationToken))
        {
            if (!held.Container.State.IsRunning)
            {
                if (held.Container.State.Status == ContainerStatus.Restarting)
                {
                    await held.SaveAsync(held.Container.State with { Status = ContainerStatus.Exited, WasStopped = true }, cancellationToken);
                }

                return;
            }

            await ThawAsync(held, cancellationToken);
            await held.SaveAsync(held.Container.State with { WasStopped = true }, cancellationToken);
            container = held.Container;
        }

        TimeSpan patience = timeout ?? TimeSpan.FromSeconds(container.Definition.StopTimeout ?? 10);
        await SendAsync(container, Signal.Parse(signal ?? container.Definition.StopSignal ?? "TERM"), cancellationToken);
        if (!await EndedWithinAsync(container, patience < TimeSpan.Zero ? Timeout.InfiniteTimeSpan : patience, cancellationToken))
        {
            await SendAsync(container, Signals.Kill, cancellationToken);
            await EndedWithinAsync(container, Timeout.InfiniteTimeSpan, cancellationToken);
        }

        await SettleAsync(container, cancellationToken);
        await TellAsync(container, "stop", cancellationToken);
    }

    /// <summary>Stops a container and starts it again.</summary>
    public async Task RestartAsync(string nameOrId, string? signal, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        await StopAsync(nameOrId, signal, timeout, cancellationToken);
        await StartAsync(nameOrId, cancellationToken);
        await TellAsync(await GetAsync(nameOrId, cancellationToken), "restart", cancellationToken);
    }

    /// <summary>Sends a signal to the first process of a container.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Conflict"/>: it does not run.</exception>
    public async Task KillAsync(string nameOrId, string signal, CancellationToken cancellationToken)
    {
        int number = Signal.Parse(signal);
        Container container = await GetAsync(nameOrId, cancellationToken);
        if (!container.State.IsRunning)
        {
            throw new MicaException(ErrorKind.Conflict, $"cannot kill container: {Printable.Of(nameOrId)}: container {container.Id} is not running");
        }

        if (number == Signals.Kill)
        {
            await using ContainerHold held = await HoldAsync(container.Id, cancellationToken);
            await ThawAsync(held, cancellationToken);
            await held.SaveAsync(held.Container.State with { WasStopped = true }, cancellationToken);
        }

        await SendAsync(container, number, cancellationToken);
        if (number == Signals.Kill)
        {
            await EndedWithinAsync(container, Timeout.InfiniteTimeSpan, cancellationToken);
            await SettleAsync(container, cancellationToken);
        }
    }

    /// <summary>Freezes the processes of a container.</summary>
    public async Task PauseAsync(string nameOrId, CancellationToken cancellationToken)
    {
        await using ContainerHold held = await HoldAsync(nameOrId, cancellationToken);
        if (held.Container.State.Status != ContainerStatus.Running)
        {
            throw held.Container.State.Status == ContainerStatus.Paused
                ? new MicaException(ErrorKind.Conflict, $"container {held.Container.Id} is already paused")
                : held.Container.NotRunning();
        }

        Detached(held.Container).Pause();
        await held.SaveAsync(held.Container.State with { Status = ContainerStatus.Paused }, cancellationToken);
        await TellAsync(held.Container, "pause", cancellationToken);
    }

    /// <summary>Lets frozen processes go on.</summary>
    public async Task UnpauseAsync(string nameOrId, CancellationToken cancellationToken)
    {
        await using ContainerHold held = await HoldAsync(nameOrId, cancellationToken);
        if (held.Container.State.Status != ContainerStatus.Paused)
        {
            throw new MicaException(ErrorKind.Conflict, $"container {held.Container.Id} is not paused");
        }

        await ThawAsync(held, cancellationToken);
    }

    /// <summary>Gives a container another name.</summary>
    public async Task RenameAsync(string nameOrId, string name, CancellationToken cancellationToken)
    {
        name = ContainerNames.Check(name);
        await using ContainerHold held = await HoldAsync(nameOrId, cancellationToken);
        if (await Records.RenameAsync(ObjectKind.Container, held.Container.Id, name, cancellationToken) is { } taken)
        {
            throw NameTaken(name, taken.Id);
        }

        await TellAsync(held.Container with { Name = name }, "rename", cancellationToken);
    }

    /// <summary>Waits until a container does not run (or, with <paramref name="removed"/>, is not there any more).</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> WaitAsync(string nameOrId, bool removed, CancellationToken cancellationToken)
    {
        Container container = await GetAsync(nameOrId, cancellationToken);
        int code = container.State.ExitCode;
        while (true)
        {
            Container? now = await FindAsync(container.Id, cancellationToken);
            if (now is null || (!removed && now.State.Status is ContainerStatus.Exited or ContainerStatus.Created))
            {
                return now?.State.ExitCode ?? code;
            }

            code = now.State.ExitCode;
            if (now.State.IsRunning)
            {
                await EndedWithinAsync(now, Timeout.InfiniteTimeSpan, cancellationToken);
                code = Detached(now).ReadExit()?.Code ?? code;
                if (await SettleAsync(now, cancellationToken) is { } settled)
                {
                    code = settled.State.ExitCode;
                }
            }
            else
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), _engine.Options.Time, cancellationToken);
            }
        }
    }

    /// <summary>
    /// Removes a container with what it changed; <paramref name="force"/>: also one that runs, which is killed;
    /// <paramref name="volumes"/>: with volumes that have no name.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Conflict"/>: it runs.</exception>
    public async Task RemoveAsync(string nameOrId, bool force, bool volumes, CancellationToken cancellationToken)
    {
        await using ContainerHold held = await HoldAsync(nameOrId, cancellationToken);
        Container container = held.Container;
        if (container.State.IsRunning)
        {
            if (!force)
            {
                throw new MicaException(
                    ErrorKind.Conflict,
                    $"cannot remove container \"{container.Name}\": container is {(container.State.Status == ContainerStatus.Paused ? "paused and must be unpaused first" : "running: stop the container before removing or force remove")}");
            }

            await ThawAsync(held, cancellationToken);
            await held.SaveAsync(held.Container.State with { WasStopped = true }, cancellationToken);
            await SendAsync(held.Container, Signals.Kill, cancellationToken);
            await EndedWithinAsync(held.Container, Timeout.InfiniteTimeSpan, cancellationToken);
            await new ContainerEnd(_engine, this, held).FinishAsync(cancellationToken);
        }

        await new ContainerEnd(_engine, this, held).RemoveAsync(volumes, cancellationToken);
    }

    /// <summary>Removes all containers that do not run and that <paramref name="selects"/> selects.</summary>
    /// <returns>Their identifiers, and the bytes that they had changed.</returns>
    public async Task<(ImmutableArray<string> Removed, long Bytes)> PruneAsync(Func<Container, bool> selects, CancellationToken cancellationToken)
    {
        ImmutableArray<string>.Builder removed = ImmutableArray.CreateBuilder<string>();
        long bytes = 0;
        foreach (Container container in await ListAsync(cancellationToken))
        {
            if (container.State.Status is not (ContainerStatus.Created or ContainerStatus.Exited) || !selects(container))
            {
                continue;
            }

            await using ContainerHold? held = await TryHoldAsync(container.Id, cancellationToken);
            if (held is not null && !held.Container.State.IsRunning)
            {
                bytes += await new ContainerEnd(_engine, this, held).RemoveAsync(volumes: false, cancellationToken);
                removed.Add(container.Id);
            }
        }

        bytes += RemoveOrphans([.. (await Records.ListAsync(ObjectKind.Container, cancellationToken)).Select(stored => stored.Id)]);
        return (removed.ToImmutable(), bytes);
    }

    /// <summary>
    /// Does what has to be done when a container has ended: its monitor calls this. It is started again, removed, or left as it
    /// is, as its definition says.
    /// </summary>
    public Task CleanUpAsync(string id, CancellationToken cancellationToken) => new ContainerRestart(_engine, this).RunAsync(id, cancellationToken);

    /// <summary>All containers as they were recorded last, without a look at what they do now; so no lock is taken.</summary>
    internal async Task<ImmutableArray<Container>> ListRecordedAsync(CancellationToken cancellationToken) =>
        [.. (await Records.ListAsync(ObjectKind.Container, cancellationToken)).Select(stored => Container.Of(stored, FilesOf(stored.Id)))];

    /// <summary>Runs a further program in a running container, with this process's standard streams.</summary>
    /// <returns>Its exit code.</returns>
    /// <exception cref="MicaException"><see cref="ErrorKind.Conflict"/>: the container does not run.</exception>
    /// <exception cref="ContainerFailedException">The program cannot be run.</exception>
    public async Task<int> ExecuteAsync(string nameOrId, ExecDefinition program, CancellationToken cancellationToken)
    {
        Container container = await GetAsync(nameOrId, cancellationToken);
        if (container.State.Status == ContainerStatus.Paused)
        {
            throw new MicaException(ErrorKind.Conflict, $"container {Printable.Of(nameOrId)} is paused, unpause the container before exec");
        }

        return await Task.Run(() => new ContainerExecutions(this).Run(container, program), cancellationToken);
    }

    /// <summary>Runs the checks of a container for as long as it runs: a process of ours for each that has any calls this.</summary>
    public Task WatchHealthAsync(string id, CancellationToken cancellationToken) => new HealthChecks(_engine, this).RunAsync(id, cancellationToken);

    /// <summary>The bytes that a container changed, and those of its image.</summary>
    public async Task<(long Own, long Image)> SizeAsync(Container container, CancellationToken cancellationToken)
    {
        long own = await Task.Run(() => TreeSize.Of(container.Files.Upper), cancellationToken);
        StoredImage? image = container.Definition.Manifest is { } manifest ? await _engine.Store.FindAsync(manifest.ToString(), cancellationToken) : null;
        return (own, image?.Size ?? 0);
    }

    /// <summary>The processes of a running container.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Conflict"/>: it does not run.</exception>
    public async Task<ImmutableArray<ContainerTask>> ProcessesAsync(string nameOrId, CancellationToken cancellationToken)
    {
        Container container = await GetAsync(nameOrId, cancellationToken);
        return container.State.Process is { } process ? ProcessTable.Of(process.ProcessId, Now) : throw container.NotRunning();
    }

    /// <summary>What a container takes of the machine now.</summary>
    public static ContainerUsage UsageOf(Container container)
    {
        long at = System.Diagnostics.Stopwatch.GetElapsedTime(0).Ticks * 100;
        if (container.State.Process is not { } process)
        {
            return new ContainerUsage(container, at);
        }

        var usage = CgroupUsage.Read(container.Id);
        (long received, long sent) = NetworkTraffic.Of(process.ProcessId);
        return new ContainerUsage(container, at)
        {
            Cpu = usage.CpuNanoseconds,
            Memory = usage.MemoryBytes,
            MemoryLimit = usage.MemoryLimit ?? NetworkTraffic.MachineMemory(),
            Processes = usage.Processes,
            ReadBytes = usage.ReadBytes,
            WrittenBytes = usage.WrittenBytes,
            ReceivedBytes = container.Definition.Networking.Mode == "host" ? 0 : received,
            SentBytes = container.Definition.Networking.Mode == "host" ? 0 : sent,
        };
    }

    /// <summary>Opens the log of a container.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: it has none.</exception>
    public static ContainerLog OpenLog(Container container) => container.Definition.Log.Driver != "none"
        ? new ContainerLog(container.Files.Log)
        : throw new MicaException(ErrorKind.Unsupported, "configured logging driver does not support reading");

    internal ContainerFiles FilesOf(string id) =>
        new(Path.Join(_engine.Runtime.StateDirectory, "containers", id), Path.Join(_engine.Store.ContainersDirectory, id));

    internal DetachedContainer Detached(Container container) => new(_engine.Runtime, container.Id, container.Files);

    internal static MicaException NameTaken(string name, string id) => new(
        ErrorKind.Conflict,
        $"conflict. The container name \"/{name}\" is already in use by container \"{id}\". You have to remove (or rename) that container to be able to reuse that name.");

    internal Task TellAsync(Container container, string action, CancellationToken cancellationToken, params ReadOnlySpan<(string Key, string Value)> more)
    {
        ImmutableSortedDictionary<string, string> attributes = container.Definition.Labels
            .SetItem("image", container.Definition.Image).SetItem("name", container.Name);
        foreach ((string key, string value) in more)
        {
            attributes = attributes.SetItem(key, value);
        }

        return _engine.TellAsync("container", action, container.Id, attributes, cancellationToken);
    }

    internal async Task<Container?> FindAsync(string id, CancellationToken cancellationToken) =>
        await Records.FindAsync(ObjectKind.Container, id, cancellationToken) is { } stored && stored.Id == id ? Container.Of(stored, FilesOf(id)) : null;

    /// <summary>Whether its first process ended within the time.</summary>
    internal static async Task<bool> EndedWithinAsync(Container container, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (container.State.Process is not { } process)
        {
            return true;
        }

        using ProcessHandle? handle = ProcessHandle.TryOpen(process);
        if (handle is null)
        {
            return true;
        }

        return await Task.Run(() =>
        {
            TimeSpan slice = TimeSpan.FromMilliseconds(100);
            for (TimeSpan left = timeout; timeout == Timeout.InfiniteTimeSpan || left > TimeSpan.Zero; left -= slice)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (handle.WaitForEnd(timeout == Timeout.InfiniteTimeSpan || left > slice ? slice : left))
                {
                    return true;
                }
            }

            return handle.WaitForEnd(TimeSpan.Zero);
        }, cancellationToken);
    }

    /// <summary>Brings the record of a container that has ended up to date; null when it is gone then.</summary>
    internal async Task<Container?> SettleAsync(Container container, CancellationToken cancellationToken)
    {
        await using ContainerHold? held = await TryHoldAsync(container.Id, cancellationToken, waits: true);
        return held is null ? null : held.IsGone ? null : held.Container;
    }

    internal async Task<ContainerHold> HoldAsync(string nameOrId, CancellationToken cancellationToken)
    {
        Container container = await GetAsync(nameOrId, cancellationToken);
        ContainerHold? held = await TryHoldAsync(container.Id, cancellationToken, waits: true);
        return held is { IsGone: false } ? held : throw new MicaException(ErrorKind.NotFound, $"no such container: {Printable.Of(nameOrId)}");
    }

    /// <summary>
    /// Takes the lock of a container, and sees to its end if it has ended meanwhile. Null: it is not there any more, or, without
    /// <paramref name="waits"/>, somebody else is at it.
    /// </summary>
    internal async Task<ContainerHold?> TryHoldAsync(string id, CancellationToken cancellationToken, bool waits = false)
    {
        ContainerFiles files = FilesOf(id);
        FileLock? lockHeld = null;
        try
        {
            lockHeld = waits
                ? await FileLock.AcquireAsync(files.Lock, FileLockMode.Exclusive, Timeout.InfiniteTimeSpan, _engine.Options.Time, cancellationToken)
                : FileLock.TryAcquire(files.Lock, FileLockMode.Exclusive);
        }
        catch (LinuxException failure) when (failure.Errno == Errno.ENOENT)
        {
            // Its directory is gone; so is it, or a crash left the record.
            if (await FindAsync(id, cancellationToken) is not null && !Directory.Exists(files.Directory))
            {
                await Records.RemoveAsync(ObjectKind.Container, id, cancellationToken);
            }
        }

        if (lockHeld is null)
        {
            return null;
        }

        if (await FindAsync(id, cancellationToken) is not { } container)
        {
            lockHeld.Dispose();
            return null;
        }

        var held = new ContainerHold(Records, container, lockHeld);
        if (container.State.IsRunning && !IsAlive(container.State))
        {
            await new ContainerEnd(_engine, this, held).FinishAsync(cancellationToken);
        }

        return held;
    }

    private static bool IsAlive(ContainerState state) => state.Process is { } process && process.IsAlive();

    private async Task<Container?> UpToDateAsync(Container container, CancellationToken cancellationToken)
    {
        if (!container.State.IsRunning || IsAlive(container.State))
        {
            return container;
        }

        // It has ended, and its monitor's command is about to say so, or cannot any more.
        await using ContainerHold? held = await TryHoldAsync(container.Id, cancellationToken, waits: true);
        return held is null or { IsGone: true } ? null : held.Container;
    }

    private async Task ThawAsync(ContainerHold held, CancellationToken cancellationToken)
    {
        if (held.Container.State.Status == ContainerStatus.Paused)
        {
            Detached(held.Container).Resume();
            await held.SaveAsync(held.Container.State with { Status = ContainerStatus.Running }, cancellationToken);
            await TellAsync(held.Container, "unpause", cancellationToken);
        }
    }

    private async Task SendAsync(Container container, int signal, CancellationToken cancellationToken)
    {
        if (container.State.Process is not { } process)
        {
            return;
        }

        using ProcessHandle? handle = ProcessHandle.TryOpen(process);
        try
        {
            handle?.Signal(signal);
        }
        catch (LinuxException failure)
        {
            throw new MicaException(ErrorKind.PermissionDenied, $"container {container.ShortId}: cannot be sent a signal: {failure.Message}", failure);
        }

        await TellAsync(container, "kill", cancellationToken, ("signal", signal.ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>Directories of containers that the catalog does not know, as a kill can leave them.</summary>
    private long RemoveOrphans(HashSet<string> known)
    {
        long bytes = 0;
        foreach (string directory in Directory.GetDirectories(_engine.Store.ContainersDirectory))
        {
            // One that is being made has no record yet, and is young.
            if (!known.Contains(Path.GetFileName(directory)) && Now - Directory.GetCreationTimeUtc(directory) > TimeSpan.FromMinutes(1))
            {
                bytes += LinuxFileSystem.RemoveTree(directory).Bytes;
            }
        }

        return bytes;
    }
}
