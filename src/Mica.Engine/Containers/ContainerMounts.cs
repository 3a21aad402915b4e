using System.Collections.Immutable;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Engine;

/// <summary>What is mounted in a container, as the runtime is told.</summary>
internal sealed class ContainerMounts(Engine engine, ContainerDefinition definition)
{
    /// <param name="owner">Who gets what is mounted with <c>:U</c>; null: it stays as it is.</param>
    /// <param name="cancellationToken">Cancels between two mounts.</param>
    public async Task<ImmutableArray<ContainerMount>> ListAsync(ContainerUser? owner, CancellationToken cancellationToken)
    {
        ImmutableArray<ContainerMount>.Builder mounts = ImmutableArray.CreateBuilder<ContainerMount>();

        // What lies above comes first, or it would hide what lies below it.
        foreach (MountDefinition mount in definition.Mounts.OrderBy(mount => mount.Destination.Count(c => c == '/')))
        {
            mounts.Add(mount.Type switch
            {
                "bind" => Bind(mount),
                "volume" => VolumeOptions.Mount(await engine.Volumes.GetAsync(mount.Source, cancellationToken), mount),
                "tmpfs" => new TmpfsMount(mount.Destination) { Options = mount.Options },
                "image" => await ImageAsync(mount, cancellationToken),
                _ => throw new MicaException(ErrorKind.Unsupported, $"mount type {Printable.Of(mount.Type)} is not supported"),
            });
            if (mount.ChangesOwner && owner is not null && mounts[^1] is BindMount bind)
            {
                await Task.Run(() => OwnerChange.Apply(bind.Source, owner.Uid, owner.Gid), cancellationToken);
            }
        }

        return mounts.ToImmutable();
    }

    private static BindMount Bind(MountDefinition mount)
    {
        if (!Path.Exists(mount.Source))
        {
            if (!mount.MakesSource)
            {
                throw new MicaException(
                    ErrorKind.InvalidArgument, $"invalid mount config for type \"bind\": bind source path does not exist: {Printable.Of(mount.Source)}");
            }

            Directory.CreateDirectory(mount.Source);
        }

        return new BindMount(mount.Source, mount.Destination)
        {
            IsReadOnly = mount.IsReadOnly,
            IsNotRecursive = mount.IsNotRecursive,
            Propagation = mount.Propagation,
        };
    }

    private async Task<TreeMount> ImageAsync(MountDefinition mount, CancellationToken cancellationToken)
    {
        Store.ImageDetails image = await engine.Store.InspectAsync(mount.Source, null, cancellationToken);
        ImmutableArray<string> trees = await engine.Store.TreesAsync(image.Config.RootFs.DiffIds, cancellationToken);
        return new TreeMount(trees, mount.SubPath ?? "/", mount.Destination);
    }
}
