using System.Buffers.Binary;
using System.Net;

namespace Mica.Linux;

/// <summary>
/// Bridges, pairs of interfaces, addresses and routes, of the network namespace in which the thread was when this was opened.
/// Numbers are those of x64 and arm64, both little-endian. rtnetlink(7).
/// </summary>
public sealed unsafe class NetlinkSocket : IDisposable
{
    private const int AddressFamily = 16; // AF_NETLINK
    private const int RawCloseOnExec = 3 | 0x80000; // SOCK_RAW | SOCK_CLOEXEC
    private const ushort NewLink = 16, DeleteLink = 17, GetLink = 18, NewAddress = 20, NewRoute = 24;
    private const ushort Create = 0x400, Exclusive = 0x200, Replace = 0x100; // NLM_F_*
    private const ushort LinkAddress = 1, LinkName = 3, LinkMtu = 4, LinkMaster = 10, LinkKind = 18, LinkNamespaceFile = 28; // IFLA_*
    private const ushort KindName = 1, KindData = 2, PeerOfPair = 1; // IFLA_INFO_*, VETH_INFO_PEER
    private const int IsUp = 1; // IFF_UP

    private readonly int _socket;
    private uint _sequence;

    /// <summary>Opens it.</summary>
    public NetlinkSocket()
    {
        _socket = Libc.Socket(AddressFamily, RawCloseOnExec, 0 /* NETLINK_ROUTE */);
        if (_socket < 0)
        {
            throw new LinuxException("socket", [], Libc.LastError);
        }
    }

    /// <summary>The number of an interface; null when there is no such one.</summary>
    public int? FindLink(string name)
    {
        byte[] answer = new byte[8192];
        Errno errno = Ask(new NetlinkMessage(GetLink, 0, LinkHeader(0, 0, 0)).Add(LinkName, name), answer, out int length);
        return errno == Errno.ENODEV ? null
            : errno != Errno.None ? throw new LinuxException("look up interface", name, errno)
            : length >= 24 ? BinaryPrimitives.ReadInt32LittleEndian(answer.AsSpan(20)) : null;
    }

    /// <summary>Makes a bridge that is up; one that is there stays.</summary>
    /// <returns>Its number.</returns>
    public int EnsureBridge(string name, int? mtu)
    {
        if (FindLink(name) is not { } index)
        {
            NetlinkMessage message = new NetlinkMessage(NewLink, Create | Exclusive, LinkHeader(0, 0, 0)).Add(LinkName, name);
            if (mtu is { } bytes)
            {
                message.Add(LinkMtu, bytes);
            }

            Errno errno = Ask(message.Nest(LinkKind, kind => kind.Add(KindName, "bridge")));
            if (errno is not (Errno.None or Errno.EEXIST))
            {
                throw new LinuxException("make bridge", name, errno);
            }

            index = FindLink(name) ?? throw new LinuxException("make bridge", name, Errno.ENODEV);
        }

        SetUp(index, name);
        return index;
    }

    /// <summary>
    /// Makes a pair of interfaces: <paramref name="name"/> here, at the bridge and up, and <paramref name="peer"/> in the network
    /// namespace of the file.
    /// </summary>
    public void AddPair(string name, int bridge, string peer, ReadOnlySpan<byte> peerAddress, DescriptorFile peerNamespace, int? mtu)
    {
        byte[] hardware = peerAddress.ToArray();
        NetlinkMessage message = new NetlinkMessage(NewLink, Create | Exclusive, LinkHeader(0, IsUp, IsUp)).Add(LinkName, name).Add(LinkMaster, bridge);
        if (mtu is { } bytes)
        {
            message.Add(LinkMtu, bytes);
        }

        message.Nest(LinkKind, kind => kind.Add(KindName, "veth").Nest(KindData, data => data.Nest(PeerOfPair, pair =>
        {
            pair.Add(LinkName, peer).Add(LinkAddress, hardware).Add(LinkNamespaceFile, peerNamespace.Descriptor);
            if (mtu is { } peerBytes)
            {
                pair.Add(LinkMtu, peerBytes);
            }
        }, LinkHeader(0, 0, 0))));
        Check(Ask(message), "make interface", name);
    }

    /// <summary>Removes an interface, and with it the other of a pair; false when there is none.</summary>
    public bool Remove(string name)
    {
        Errno errno = Ask(new NetlinkMessage(DeleteLink, 0, LinkHeader(0, 0, 0)).Add(LinkName, name));
        return errno == Errno.None || (errno == Errno.ENODEV ? false : throw new LinuxException("remove interface", name, errno));
    }

    /// <summary>Sets an interface up.</summary>
    public void SetUp(int index, string name) => Check(Ask(new NetlinkMessage(NewLink, 0, LinkHeader(index, IsUp, IsUp))), "set up interface", name);

    /// <summary>Gives an interface an address; one that it has stays.</summary>
    public void AddAddress(int index, IPAddress address, int prefix)
    {
        byte[] bytes = address.GetAddressBytes();
        Span<byte> header = stackalloc byte[8];
        header[0] = (byte)(bytes.Length == 4 ? 2 : 10); // AF_INET, AF_INET6
        header[1] = (byte)prefix;
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], index);
        const ushort Address = 1, Local = 2;
        Check(Ask(new NetlinkMessage(NewAddress, Create | Replace, header).Add(Local, bytes).Add(Address, bytes)), "add address", address.ToString());
    }

    /// <summary>Adds the route to everywhere.</summary>
    public void AddDefaultRoute(IPAddress gateway)
    {
        byte[] bytes = gateway.GetAddressBytes();
        Span<byte> header = stackalloc byte[12];
        header.Clear();
        header[0] = (byte)(bytes.Length == 4 ? 2 : 10);
        header[4] = 254; // RT_TABLE_MAIN
        header[5] = 3; // RTPROT_BOOT
        header[7] = 1; // RTN_UNICAST
        const ushort Gateway = 5;
        Check(Ask(new NetlinkMessage(NewRoute, Create | Replace, header).Add(Gateway, bytes)), "add route", gateway.ToString());
    }

    /// <summary>Closes it.</summary>
    public void Dispose() => _ = Libc.Close(_socket);

    private static byte[] LinkHeader(int index, int flags, int change)
    {
        byte[] header = new byte[16];
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), index);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), flags);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), change);
        return header;
    }

    private static void Check(Errno errno, string operation, string name)
    {
        if (errno != Errno.None)
        {
            throw new LinuxException(operation, name, errno);
        }
    }

    private Errno Ask(NetlinkMessage message) => Ask(message, new byte[8192], out _);

    /// <summary>The kernel answers with a message, an acknowledgement, or both.</summary>
    private Errno Ask(NetlinkMessage message, byte[] answer, out int length)
    {
        uint sequence = ++_sequence;
        length = 0;
        fixed (byte* bytes = message.Finish(sequence))
        {
            int size = BinaryPrimitives.ReadInt32LittleEndian(new ReadOnlySpan<byte>(bytes, 4));
            if (Libc.Send(_socket, bytes, (nuint)size, 0) != size)
            {
                return Libc.LastError;
            }
        }

        byte[] buffer = new byte[16384];
        while (true)
        {
            nint count;
            fixed (byte* bytes = buffer)
            {
                count = Libc.Receive(_socket, bytes, (nuint)buffer.Length, 0);
            }

            if (count < 0)
            {
                if (Libc.LastError == Errno.EINTR)
                {
                    continue;
                }

                return Libc.LastError;
            }

            for (int at = 0; at + 16 <= count;)
            {
                ReadOnlySpan<byte> one = buffer.AsSpan(at);
                int size = BinaryPrimitives.ReadInt32LittleEndian(one);
                if (size < 16 || at + size > count)
                {
                    break;
                }

                at += (size + 3) & ~3;
                if (BinaryPrimitives.ReadUInt32LittleEndian(one[8..]) != sequence)
                {
                    continue;
                }

                const ushort Error = 2; // NLMSG_ERROR, also with error 0
                if (BinaryPrimitives.ReadUInt16LittleEndian(one[4..]) == Error)
                {
                    return (Errno)(-BinaryPrimitives.ReadInt32LittleEndian(one[16..]));
                }

                length = Math.Min(size, answer.Length);
                one[..length].CopyTo(answer);
            }
        }
    }
}
