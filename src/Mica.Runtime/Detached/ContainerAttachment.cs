using System.Net.Sockets;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// A connection to a container's standard streams, as its monitor offers it: packets of which the first byte tells the
/// stream. Read on one thread, write on another.
/// </summary>
public sealed class ContainerAttachment : IDisposable
{
    /// <summary>The monitor reads and writes pieces of this size.</summary>
    private const int PacketSize = 8192;

    private readonly Socket _socket;

    private ContainerAttachment(Socket socket) => _socket = socket;

    internal static ContainerAttachment Connect(string bundle)
    {
        // The path of a socket may have 107 bytes; through the directory's descriptor it is always short.
        using DirectoryHandle directory = DirectoryHandle.Open(bundle);
        Socket socket = new(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint($"/proc/self/fd/{directory.DangerousGetHandle()}/attach"));
            return new ContainerAttachment(socket);
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            throw new MicaException(ErrorKind.Unavailable, $"the container's monitor does not answer: {failure.Message}", failure);
        }
    }

    /// <summary>Hands on what the container writes, until it has ended or <see cref="Dispose"/> is called.</summary>
    public void Read(ContainerOutput output)
    {
        byte[] packet = new byte[PacketSize + 1];
        while (true)
        {
            int count;
            try
            {
                count = _socket.Receive(packet);
            }
            catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
            {
                return;
            }

            if (count == 0)
            {
                return;
            }

            output(packet[0] == 3, packet.AsSpan(1, count - 1));
        }
    }

    /// <summary>Writes to its standard input; false when nobody takes it any more.</summary>
    public bool TryWrite(ReadOnlySpan<byte> bytes)
    {
        try
        {
            while (bytes.Length > 0)
            {
                ReadOnlySpan<byte> piece = bytes[..Math.Min(bytes.Length, PacketSize)];
                _socket.Send(piece);
                bytes = bytes[piece.Length..];
            }

            return true;
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Its standard input ends.</summary>
    public void EndInput()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            // It has ended itself.
        }
    }

    /// <summary>Lets go of the container, which runs on.</summary>
    public void Dispose()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both); // ends a read on another thread
        }
        catch (SocketException)
        {
            // It is down already.
        }

        _socket.Dispose();
    }
}
