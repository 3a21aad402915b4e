using Mica.Oci;
using Mica.Runtime;
using Mica.Store;

namespace Mica.Engine;

/// <summary>A container as it was when it was looked at.</summary>
/// <param name="Id">64 hexadecimal digits.</param>
/// <param name="Name">Its name.</param>
/// <param name="Created">When it was made.</param>
/// <param name="Definition">What was asked for.</param>
/// <param name="State">How it is.</param>
/// <param name="Files">Where it is.</param>
public sealed record Container(string Id, string Name, DateTimeOffset Created, ContainerDefinition Definition, ContainerState State, ContainerFiles Files)
{
    /// <summary>The first twelve digits of the identifier.</summary>
    public string ShortId => ContainerFiles.Short(Id);

    /// <summary>As the runtime is told about it when it has to be told anew.</summary>
    internal static Container Of(StoredObject stored, ContainerFiles files) => new(
        stored.Id, stored.Name, stored.Created, ContainerJson.ReadDefinition(stored.Definition), ContainerJson.ReadState(stored.State), files);

    internal MicaException NotRunning() => new(ErrorKind.Conflict, $"container {ShortId} is not running");
}
