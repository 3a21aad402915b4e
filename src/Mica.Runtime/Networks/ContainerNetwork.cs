using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>The network that a container gets.</summary>
/// <param name="IsHost">It is the machine's.</param>
/// <param name="Bridge">Its own on the bridge; null: the machine's, or nothing but a loopback.</param>
/// <param name="Notice">Why it is less than was asked for.</param>
internal sealed record ContainerNetwork(bool IsHost, BridgeNetwork? Bridge, string? Notice)
{
    /// <summary>The machine's address in it; null when it cannot be reached.</summary>
    public string? MachineAddress => Bridge is not null ? BridgeNetwork.Gateway : IsHost ? "127.0.0.1" : null;
}

/// <summary>
/// Networks on the bridge, kept for the next container when one ends: to make one takes longer than most steps. One that a
/// privileged container had is not used again, since it may be changed.
/// </summary>
internal sealed class NetworkPool(RuntimeOptions options) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Stack<BridgeNetwork> _idle = new();
    private bool _isDisposed;
    private string? _refusal;

    public ContainerNetwork Take(NetworkMode mode)
    {
        if (mode != NetworkMode.Default)
        {
            return new ContainerNetwork(mode == NetworkMode.Host, null, null);
        }

        lock (_lock)
        {
            if (_idle.TryPop(out BridgeNetwork? idle))
            {
                return new ContainerNetwork(IsHost: false, idle, null);
            }

            _refusal ??= options.Rung == RuntimeRung.Root ? null : "not root";
            if (_refusal is not null)
            {
                return Lesser();
            }
        }

        try
        {
            return new ContainerNetwork(IsHost: false, BridgeNetwork.Create(options), null);
        }
        catch (Exception failure) when (failure is MicaException { Kind: ErrorKind.Unsupported } or LinuxException)
        {
            _refusal = failure.Message;
            return Lesser();
        }
    }

    public void Return(ContainerNetwork network, bool isReusable)
    {
        if (network.Bridge is not { } bridge)
        {
            return;
        }

        lock (_lock)
        {
            if (isReusable && !_isDisposed)
            {
                _idle.Push(bridge);
                return;
            }
        }

        bridge.Dispose();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
        }

        while (_idle.TryPop(out BridgeNetwork? bridge))
        {
            bridge.Dispose();
        }
    }

    private ContainerNetwork Lesser() => new(IsHost: true, null, $"the container uses the machine's network ({_refusal})");
}
