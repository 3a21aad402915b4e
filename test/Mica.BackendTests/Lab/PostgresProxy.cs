using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mica.BackendTests.Lab;

/// <summary>What becomes of the next COMMIT.</summary>
public enum CommitFate
{
    Passes,

    /// <summary>The connection breaks before the server sees it.</summary>
    NeverArrives,

    /// <summary>The server commits, and the connection breaks before the answer.</summary>
    NeverAnswered,

    /// <summary>The connection breaks, and the server sees it a second later.</summary>
    ArrivesLate,
}

/// <summary>A wire to PostgreSQL that breaks when it hurts most.</summary>
public sealed class PostgresProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ending = new();
    private readonly int _target;
    private readonly Task _accepting;
    private int _fate;

    public PostgresProxy(int target)
    {
        _target = target;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>How many commits were not let pass.</summary>
    public int Broken { get; private set; }

    public void Set(CommitFate next) => Volatile.Write(ref _fate, (int)next);

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ending.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket client = await _listener.AcceptSocketAsync(_ending.Token);
            _ = RelayAsync(client);
        }
    }

    private async Task RelayAsync(Socket client)
    {
        using (client)
        using (var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, _target, _ending.Token);
                await Task.WhenAny(SendAsync(client, server), CopyAsync(server, client));
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException)
            {
            }
        }
    }

    private async Task SendAsync(Socket client, Socket server)
    {
        byte[] buffer = new byte[64 * 1024];
        while (await client.ReceiveAsync(buffer, _ending.Token) is var read and > 0)
        {
            // What the writer's row is set by goes with the COMMIT in one piece, prepared or not.
            bool isCommit = Encoding.Latin1.GetString(buffer, 0, read) is var text
                && (text.Contains("COMMIT", StringComparison.Ordinal) || text.Contains("UPDATE writers SET number", StringComparison.Ordinal));
            CommitFate fate = isCommit ? (CommitFate)Interlocked.Exchange(ref _fate, 0) : CommitFate.Passes;
            Broken += fate == CommitFate.Passes ? 0 : 1;
            switch (fate)
            {
                case CommitFate.NeverArrives:
                    return;
                case CommitFate.NeverAnswered:
                    client.Close();
                    await server.SendAsync(buffer.AsMemory(0, read), _ending.Token);
                    await Task.Delay(200, _ending.Token);
                    return;
                case CommitFate.ArrivesLate:
                    client.Close();
                    await Task.Delay(1000, _ending.Token);
                    await server.SendAsync(buffer.AsMemory(0, read), _ending.Token);
                    await Task.Delay(500, _ending.Token);
                    return;
                default:
                    await server.SendAsync(buffer.AsMemory(0, read), _ending.Token);
                    break;
            }
        }
    }

    private async Task CopyAsync(Socket from, Socket to)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, _ending.Token) is var read and > 0)
            {
                await to.SendAsync(buffer.AsMemory(0, read), _ending.Token);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The client is cut off; what it sent last is still on its way.
            await Task.Delay(2500, _ending.Token);
        }
    }
}
