using Mica.Linux;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Engine;

/// <summary>What is done when a container has ended, and when it goes.</summary>
internal sealed class ContainerEnd(Engine engine, Containers containers, ContainerHold held)
{
    /// <summary>Nobody saw how it ended: its monitor was killed, or the machine.</summary>
    private const int Unknown = 255;

    private static readonly TimeSpan s_exitPatience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Keeps how it ended, and takes away what is left of it on the machine. A container that removes itself goes.
    /// </summary>
    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        Container container = held.Container;
        DetachedContainer detached = containers.Detached(container);
        (int code, DateTimeOffset at)? exit = await ReadExitAsync(detached, cancellationToken);
        bool outOfMemory = DetachedContainer.WasOutOfMemory(container.Id);
        await new ContainerConnections(engine, held).DisconnectAsync(cancellationToken);
        ContainerState state = container.State with
        {
            Status = ContainerStatus.Exited,
            Process = null,
            Monitor = null,
            ExitCode = exit?.code ?? Unknown,
            Finished = exit?.at ?? engine.Options.Time.GetUtcNow(),
            OutOfMemory = outOfMemory,
            Endpoints = [],
            Ports = [],
        };

        // How it ended is kept before what tells it goes: the disk may be full.
        await held.SaveAsync(state, cancellationToken);
        await Task.Run(() => detached.Remove(kills: exit is null), cancellationToken);
        if (outOfMemory)
        {
            await containers.TellAsync(held.Container, "oom", cancellationToken);
        }

        await containers.TellAsync(held.Container, "die", cancellationToken, ("exitCode", state.ExitCode.ToString(null, null)));
        if (container.Definition.AutoRemove)
        {
            await RemoveAsync(volumes: true, cancellationToken);
        }
    }

    /// <summary>Removes the container, which does not run.</summary>
    /// <returns>The bytes that it had changed.</returns>
    public async Task<long> RemoveAsync(bool volumes, CancellationToken cancellationToken)
    {
        Container container = held.Container;
        held.IsGone = true;
        await Task.Run(() => containers.Detached(container).Remove(kills: true), cancellationToken);

        // The record goes first: a directory without one is found and removed later, a record without its directory is damage.
        long freed = 0;
        try
        {
            await engine.Store.Objects.RemoveAsync(ObjectKind.Container, container.Id, cancellationToken);
        }
        catch (Oci.MicaException failure) when (failure.Kind == Oci.ErrorKind.Failed)
        {
            // On a full disk there is no room for the record of the removal; what the container wrote makes some.
            freed = await Task.Run(() => Empty(container.Files.Upper), cancellationToken);
            await engine.Store.Objects.RemoveAsync(ObjectKind.Container, container.Id, cancellationToken);
        }

        RemovedTree removed = await Task.Run(() => LinuxFileSystem.RemoveTree(container.Files.Directory), cancellationToken);
        await containers.TellAsync(container, "destroy", cancellationToken);
        foreach (MountDefinition mount in volumes ? container.Definition.Mounts.Where(mount => mount is { Type: "volume", IsAnonymous: true }) : [])
        {
            try
            {
                await engine.Volumes.RemoveAsync(mount.Source, cancellationToken);
            }
            catch (Oci.MicaException)
            {
                // Another container has it by now, or it is gone.
            }
        }

        return removed.Bytes + freed;
    }

    private static long Empty(string directory)
    {
        using var handle = DirectoryHandle.Open(directory);
        List<byte[]> names = [];
        using (DirectoryReader reader = new(handle))
        {
            while (reader.TryRead(out ReadOnlySpan<byte> name, out _))
            {
                names.Add(name.ToArray());
            }
        }

        long bytes = 0;
        foreach (byte[] name in names)
        {
            bytes += handle.RemoveTree(name).Bytes;
        }

        return bytes;
    }

    /// <summary>The monitor writes the code just after the process has ended.</summary>
    private async Task<(int Code, DateTimeOffset At)?> ReadExitAsync(DetachedContainer detached, CancellationToken cancellationToken)
    {
        long start = engine.Options.Time.GetTimestamp();
        while (true)
        {
            bool isWatched = held.Container.State.Monitor is { } monitor && monitor.IsAlive();
            if (detached.ReadExit() is { } exit)
            {
                return exit;
            }

            if (!isWatched || engine.Options.Time.GetElapsedTime(start) > s_exitPatience)
            {
                return null;
            }

            await Task.Delay(1, cancellationToken);
        }
    }
}
