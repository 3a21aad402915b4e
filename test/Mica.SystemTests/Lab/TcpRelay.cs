using System.Net;
using System.Net.Sockets;

namespace Mica.SystemTests.Lab;

/// <summary>
/// A relay on loopback in front of a registry that counts what it passes on, and can hold: once <see cref="HoldAfter"/> bytes
/// have gone to the client, nothing more goes, so that a test can stop a transfer in its middle whatever the machine's speed.
/// </summary>
public sealed class TcpRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IPEndPoint _target;
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _accepting;
    private long _down;
    private long _up;

    public TcpRelay(string target)
    {
        _target = IPEndPoint.Parse(target);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Address => _listener.LocalEndpoint.ToString()!;

    /// <summary>Bytes to the client after which everything is held.</summary>
    public long HoldAfter { get; init; } = long.MaxValue;

    /// <summary>Bytes from the client after which everything is held.</summary>
    public long HoldUploadAfter { get; init; } = long.MaxValue;

    /// <summary>Bytes to the client after which each connection is cut, once.</summary>
    public long CutAfter { get; set; } = long.MaxValue;

    /// <summary>Ends when the relay holds.</summary>
    public Task Held => _held.Task;

    public long BytesToClient => Interlocked.Read(ref _down);

    public long BytesFromClient => Interlocked.Read(ref _up);

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync(_closing.Token);
                connections.Add(ServeAsync(client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using TcpClient near = client;
        using TcpClient far = new();
        try
        {
            await far.ConnectAsync(_target, _closing.Token);
            await Task.WhenAny(
                PumpAsync(far.GetStream(), near.GetStream(), isDown: true), PumpAsync(near.GetStream(), far.GetStream(), isDown: false));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
        {
            // The client went away, or the test is over: nobody is left to tell.
        }
    }

    private async Task PumpAsync(NetworkStream from, NetworkStream to, bool isDown)
    {
        byte[] buffer = new byte[16 * 1024];
        try
        {
            int read;
            while ((read = await from.ReadAsync(buffer, _closing.Token)) > 0)
            {
                long passed = isDown ? Interlocked.Add(ref _down, read) : Interlocked.Add(ref _up, read);
                if (isDown && passed > CutAfter)
                {
                    CutAfter = long.MaxValue;
                    return;
                }

                await to.WriteAsync(buffer.AsMemory(0, read), _closing.Token);
                if (passed > (isDown ? HoldAfter : HoldUploadAfter))
                {
                    _held.TrySetResult();
                    await Task.Delay(Timeout.Infinite, _closing.Token);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException or ObjectDisposedException)
        {
            // As above.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _closing.Dispose();
    }
}
