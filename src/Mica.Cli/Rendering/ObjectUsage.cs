using System.Collections.Immutable;
using Mica.Engine;

namespace Mica.Cli.Rendering;

/// <summary>What containers and volumes take. Unlike images they are walked, since nobody counts what is written to them.</summary>
internal sealed record ObjectUsage(ImmutableArray<ContainerSize> Containers, ImmutableArray<VolumeSize> Volumes)
{
    public static async Task<ObjectUsage> ReadAsync(Engine.Engine engine, CancellationToken cancellationToken)
    {
        List<ContainerSize> containers = [];
        foreach (Container container in await engine.Containers.ListAsync(cancellationToken))
        {
            (long own, long image) = await engine.Containers.SizeAsync(container, cancellationToken);
            containers.Add(new ContainerSize(container, own, image));
        }

        ILookup<string, Container> users = await engine.Volumes.UsersAsync(cancellationToken);
        return new ObjectUsage(
            [.. containers],
            [.. (await engine.Volumes.ListAsync(cancellationToken)).Select(volume => new VolumeSize(volume, engine.Volumes.SizeOf(volume), users[volume.Name].Count()))]);
    }
}

/// <param name="Container">The container.</param>
/// <param name="Own">Bytes of its writable layer.</param>
/// <param name="Image">Bytes of the layers below.</param>
internal sealed record ContainerSize(Container Container, long Own, long Image);

/// <param name="Volume">The volume.</param>
/// <param name="Size">Bytes of its files.</param>
/// <param name="Links">How many containers have it.</param>
internal sealed record VolumeSize(Volume Volume, long Size, int Links);
