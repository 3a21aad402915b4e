using System.Globalization;
using System.Net;
using Mica.Oci;

namespace Mica.Engine;

/// <summary>Chooses and checks the addresses of networks.</summary>
internal static class NetworkAddresses
{
    /// <summary>The subnet of the default network.</summary>
    public static IPNetwork Default { get; } = IPNetwork.Parse("10.86.0.0/16");

    /// <summary>What is chosen from, as long as neither a network of ours nor a route of the machine has it.</summary>
    private static readonly IPNetwork s_pool = IPNetwork.Parse("10.89.0.0/16");

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a subnet.</exception>
    public static IPNetwork ParseSubnet(string text) =>
        IPNetwork.TryParse(text, out IPNetwork subnet) && subnet.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork && subnet.PrefixLength is >= 8 and <= 30
            ? subnet
            : text.Contains(':', StringComparison.Ordinal)
                ? throw new MicaException(ErrorKind.Unsupported, $"{Printable.Of(text)}: networks have IPv4 addresses only")
                : throw new MicaException(ErrorKind.InvalidArgument, $"invalid subnet {Printable.Of(text)}: an address and a prefix from 8 to 30, such as 10.99.0.0/24");

    /// <summary>The subnet's first address.</summary>
    public static IPAddress First(IPNetwork subnet)
    {
        byte[] bytes = subnet.BaseAddress.GetAddressBytes();
        bytes[3]++;
        return new IPAddress(bytes);
    }

    /// <summary>A subnet of 254 addresses that nothing overlaps.</summary>
    public static IPNetwork Choose(IEnumerable<IPNetwork> taken)
    {
        IPNetwork[] all = [.. taken, .. Routes(File.Exists("/proc/net/route") ? File.ReadLines("/proc/net/route") : [])];
        for (int third = 0; third < 256; third++)
        {
            byte[] bytes = s_pool.BaseAddress.GetAddressBytes();
            bytes[2] = (byte)third;
            IPNetwork subnet = new(new IPAddress(bytes), 24);
            if (!all.Any(other => Overlaps(other, subnet)))
            {
                return subnet;
            }
        }

        throw new MicaException(ErrorKind.Unavailable, "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network; give one by --subnet");
    }

    public static bool Overlaps(IPNetwork one, IPNetwork other) => one.Contains(other.BaseAddress) || other.Contains(one.BaseAddress);

    /// <summary>Destinations and masks are hexadecimal numbers in the byte order of the machine.</summary>
    private static IEnumerable<IPNetwork> Routes(IEnumerable<string> lines)
    {
        foreach (string[] fields in lines.Skip(1).Select(line => line.Split('\t')))
        {
            if (fields.Length > 7 && uint.TryParse(fields[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out uint destination)
                && uint.TryParse(fields[7], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out uint mask) && mask != 0)
            {
                yield return new IPNetwork(new IPAddress(BitConverter.GetBytes(destination)), System.Numerics.BitOperations.PopCount(mask));
            }
        }
    }
}
