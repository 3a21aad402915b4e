namespace Mica.Runtime;

/// <summary>The network that a container gets.</summary>
internal sealed class ContainerNetwork : IDisposable
{
    /// <summary>It is the machine's.</summary>
    public bool IsHost { get; private init; }

    /// <summary>The namespace to join; null: a new one with a loopback only, or the machine's.</summary>
    public string? NamespacePath { get; private init; }

    /// <summary>The container's own address.</summary>
    public string? Address { get; private init; }

    /// <summary>Why it is less than was asked for.</summary>
    public string? Notice { get; private init; }

    public static ContainerNetwork Set(ContainerSpec spec) => spec.Network switch
    {
        NetworkMode.None => new ContainerNetwork(),
        NetworkMode.Host => new ContainerNetwork { IsHost = true },
        _ => new ContainerNetwork { IsHost = true },
    };

    public void Dispose()
    {
    }
}
