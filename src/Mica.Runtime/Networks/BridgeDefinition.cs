using System.Globalization;
using System.Net;

namespace Mica.Runtime;

/// <summary>A bridge of this machine, to which containers are connected.</summary>
/// <param name="Interface">Its name: at most 15 letters, and ours alone, so it begins with <c>mica</c>.</param>
/// <param name="Subnet">The addresses of what is connected to it.</param>
/// <param name="Gateway">The machine's own among them.</param>
public sealed record BridgeDefinition(string Interface, IPNetwork Subnet, IPAddress Gateway)
{
    /// <summary>There is no way out of it.</summary>
    public bool IsInternal { get; init; }

    /// <summary>Bytes of a packet; null: the kernel's 1500.</summary>
    public int? Mtu { get; init; }

    /// <summary>The addresses that are given out; null: the whole subnet.</summary>
    public IPNetwork? Range { get; init; }

    /// <summary>An address with the length of its prefix, as it is written.</summary>
    public string Describe(IPAddress address) => string.Create(CultureInfo.InvariantCulture, $"{address}/{Subnet.PrefixLength}");
}

/// <summary>A port of this machine that leads to one of a container.</summary>
/// <param name="HostAddress">Null: all addresses of the machine.</param>
/// <param name="HostPort">Of the machine.</param>
/// <param name="Protocol"><c>tcp</c>, <c>udp</c> or <c>sctp</c>.</param>
/// <param name="ContainerPort">Of the container.</param>
public sealed record PublishedPort(IPAddress? HostAddress, int HostPort, string Protocol, int ContainerPort);
