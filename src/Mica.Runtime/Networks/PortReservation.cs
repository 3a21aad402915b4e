using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// Ports of this machine that nobody else gets: sockets that are bound to them, which a container's monitor keeps open for as
/// long as the container runs. What comes to them is led to the container before they would get it.
/// </summary>
public sealed class PortReservation : IDisposable
{
    private readonly List<Socket> _sockets = [];

    /// <summary>The sockets, for the monitor.</summary>
    public ImmutableArray<SafeHandle> Handles => [.. _sockets.Select(socket => (SafeHandle)socket.SafeHandle)];

    /// <summary>Reserves a port; 0: any that is free.</summary>
    /// <returns>The port.</returns>
    /// <exception cref="MicaException"><see cref="ErrorKind.Conflict"/>: it is taken.</exception>
    public int Reserve(IPAddress? address, int port, string protocol)
    {
        if (protocol == "sctp")
        {
            return port > 0 ? port : throw new MicaException(ErrorKind.Unsupported, "a port of its own choice is not supported for sctp: name one");
        }

        Socket socket = protocol == "udp"
            ? new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) : new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address ?? IPAddress.Any, port));
            if (protocol == "tcp")
            {
                socket.Listen(1); // else another may bind to it too
            }
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            string place = $"{address ?? IPAddress.Any}:{port}/{protocol}";
            throw new MicaException(ErrorKind.Conflict, failure.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => $"failed to bind host port {place}: address already in use",
                SocketError.AddressNotAvailable => $"failed to bind host port {place}: cannot assign requested address",
                SocketError.AccessDenied => $"failed to bind host port {place}: permission denied",
                _ => $"failed to bind host port {place}: {failure.Message}",
            }, failure);
        }

        _sockets.Add(socket);
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Lets go of the ports, unless a monitor has them.</summary>
    public void Dispose() => _sockets.ForEach(socket => socket.Dispose());
}
