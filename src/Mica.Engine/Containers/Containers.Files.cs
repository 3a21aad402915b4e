using System.Collections.Immutable;
using Mica.Layers;
using Mica.Oci;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Engine;

/// <content>The files of containers.</content>
public sealed partial class Containers
{
    /// <summary>What a container changed of its image's files, by path.</summary>
    public async Task<ImmutableArray<FileChange>> ChangesAsync(string nameOrId, CancellationToken cancellationToken)
    {
        Container container = await GetAsync(nameOrId, cancellationToken);
        ImmutableArray<string> trees = await _engine.Store.TreesAsync(container.Definition.DiffIds, cancellationToken);
        return await Task.Run(() => new ContainerChanges(container.Files, trees).List(cancellationToken), cancellationToken);
    }

    /// <summary>Makes an image of a container and what it changed.</summary>
    /// <returns>The image's ID.</returns>
    public async Task<Digest> CommitAsync(string nameOrId, CommitOptions options, CancellationToken cancellationToken)
    {
        await using ContainerHold held = await HoldAsync(nameOrId, cancellationToken);
        bool freezes = options.Pauses && held.Container.State.Status == ContainerStatus.Running && _engine.Runtime.Rung == RuntimeRung.Root;
        DetachedContainer detached = Detached(held.Container);
        if (freezes)
        {
            detached.Pause();
        }

        try
        {
            Digest id = await new ContainerCommit(_engine, held.Container).RunAsync(options, cancellationToken);
            await TellAsync(held.Container, "commit", cancellationToken);
            return id;
        }
        finally
        {
            if (freezes)
            {
                detached.Resume();
            }
        }
    }

    /// <summary>Changes the limits of a container, at once if it runs, and its restart policy; null: as it was.</summary>
    public async Task UpdateAsync(
        string nameOrId, Func<ResourceLimits, ResourceLimits> change, RestartPolicy? restart, CancellationToken cancellationToken)
    {
        await using ContainerHold held = await HoldAsync(nameOrId, cancellationToken);
        ContainerDefinition definition = held.Container.Definition;
        ResourceLimits limits = change(definition.Limits);
        if (held.Container.State.IsRunning && limits != definition.Limits)
        {
            Detached(held.Container).Update(limits);
        }

        await held.SaveAsync(definition with { Limits = limits, Restart = restart ?? definition.Restart }, cancellationToken);
        await TellAsync(held.Container, "update", cancellationToken);
    }

    /// <summary>Writes all files of a container, but for those of what is mounted in it, into a tar.</summary>
    public async Task ExportAsync(string nameOrId, Stream output, CancellationToken cancellationToken)
    {
        Container container = await GetAsync(nameOrId, cancellationToken);
        ImmutableArray<string> trees = await _engine.Store.TreesAsync(container.Definition.DiffIds, cancellationToken);
        await Task.Run(() =>
        {
            using LayerStack stack = new([container.Files.Upper, container.Files.Init, .. trees], LayerWorkspace.WhiteoutForm);
            TarWriter archive = new(output);
            new TreeArchive(stack, archive, "").Run(default, cancellationToken);
            archive.Finish();
        }, cancellationToken);
        await TellAsync(container, "export", cancellationToken);
    }

    /// <summary>What is at a path of a container; null: nothing. <paramref name="follows"/>: where a link at its end leads.</summary>
    public async Task<PathStatus?> FindFileAsync(string nameOrId, string path, bool follows, CancellationToken cancellationToken) =>
        await new ContainerFileCopy(_engine, this, await GetAsync(nameOrId, cancellationToken)).FindAsync(path, follows, cancellationToken);

    /// <summary>
    /// Writes what is at a path of a container into a tar whose first entry is called <paramref name="shown"/>; null: of a
    /// directory only what is in it.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: there is nothing.</exception>
    public async Task ReadFilesAsync(string nameOrId, string path, bool follows, string? shown, Stream output, CancellationToken cancellationToken) =>
        await new ContainerFileCopy(_engine, this, await GetAsync(nameOrId, cancellationToken)).ReadAsync(path, follows, shown, output, cancellationToken);

    /// <summary>Unpacks a tar into a directory of a container; everything belongs to root unless <paramref name="keepsOwners"/>.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: there is no such directory.</exception>
    public async Task WriteFilesAsync(string nameOrId, string path, Stream tar, bool keepsOwners, CancellationToken cancellationToken) =>
        await new ContainerFileCopy(_engine, this, await GetAsync(nameOrId, cancellationToken)).WriteAsync(path, tar, keepsOwners, cancellationToken);
}
