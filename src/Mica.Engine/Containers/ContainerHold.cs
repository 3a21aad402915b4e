using Mica.Linux;
using Mica.Store;

namespace Mica.Engine;

/// <summary>A container whose lock we hold: nobody else changes it.</summary>
internal sealed class ContainerHold(ObjectRecords records, Container container, FileLock held) : IAsyncDisposable
{
    /// <summary>As it is now.</summary>
    public Container Container { get; private set; } = container;

    /// <summary>It was removed.</summary>
    public bool IsGone { get; set; }

    /// <summary>Keeps another state.</summary>
    public async Task SaveAsync(ContainerState state, CancellationToken cancellationToken)
    {
        Container = Container with { State = state };
        await records.SetStateAsync(ObjectKind.Container, Container.Id, ContainerJson.Write(state), state.IsRunning, cancellationToken);
    }

    /// <summary>Keeps another definition.</summary>
    public async Task SaveAsync(ContainerDefinition definition, CancellationToken cancellationToken)
    {
        Container = Container with { Definition = definition };
        await records.SetDefinitionAsync(ObjectKind.Container, Container.Id, ContainerJson.Write(definition), cancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        held.Dispose();
        return ValueTask.CompletedTask;
    }
}
