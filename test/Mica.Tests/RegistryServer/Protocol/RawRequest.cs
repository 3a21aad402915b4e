using System.Net.Sockets;
using System.Text;

namespace Mica.Tests.RegistryServer.Protocol;

/// <summary>A request as bytes, for what no HTTP library sends.</summary>
internal static class RawRequest
{
    /// <summary>Sends a request whose connection ends with the answer, and gives all that came.</summary>
    public static async Task<string> SendAsync(Uri server, string text)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(server.Host, server.Port, TestContext.Current.CancellationToken);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(text), TestContext.Current.CancellationToken);
        var answer = new MemoryStream();
        try
        {
            await stream.CopyToAsync(answer, TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            // Closed with a reset: what came before is the answer.
        }

        return Encoding.Latin1.GetString(answer.ToArray());
    }

    /// <summary>The status of the answer to a request for a path that is sent as it is; 0 when there is none.</summary>
    public static async Task<int> StatusAsync(Uri server, string method, string path)
    {
        string answer = await SendAsync(server, $"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        return answer.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) ? int.Parse(answer.AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture) : 0;
    }
}
