using System.Globalization;
using System.Net;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// Which addresses of a bridge are taken, on the whole machine: each by a file that names the process that has it. When that
/// has ended the address is free. Whoever calls this holds the lock of the networks.
/// </summary>
internal sealed class AddressBook(string directory, BridgeDefinition bridge)
{
    private string Path => System.IO.Path.Combine(directory, bridge.Interface);

    /// <summary>Takes an address for a process: <paramref name="wanted"/>, or the first that is free.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>, <see cref="ErrorKind.Conflict"/>, <see cref="ErrorKind.Unavailable"/>.</exception>
    public IPAddress Take(IPAddress? wanted, ProcessIdentity process)
    {
        Directory.CreateDirectory(Path);
        IPAddress address = wanted is null ? FindFree() : Check(wanted);
        File.WriteAllText(
            FileOf(address), string.Create(CultureInfo.InvariantCulture, $"{process.ProcessId} {process.StartTime} {process.BootId}\n"));
        return address;
    }

    /// <summary>Gives an address back.</summary>
    public void Release(IPAddress address) => File.Delete(FileOf(address));

    private string FileOf(IPAddress address) => System.IO.Path.Combine(Path, address.ToString());

    private IPAddress Check(IPAddress wanted) =>
        !bridge.Subnet.Contains(wanted) ? throw new MicaException(ErrorKind.InvalidArgument, $"no configured subnet contains IP address {wanted}")
        : IsTaken(wanted) ? throw new MicaException(ErrorKind.Conflict, $"address {wanted} is already in use") : wanted;

    private IPAddress FindFree()
    {
        IPNetwork range = bridge.Range ?? bridge.Subnet;
        uint first = Number(range.BaseAddress);
        ulong count = 1UL << (32 - range.PrefixLength);
        bool isWhole = bridge.Range is null;
        for (ulong i = isWhole ? 1UL : 0; i < (isWhole ? count - 1 : count); i++)
        {
            IPAddress address = Address((uint)(first + i));
            if (!IsTaken(address))
            {
                return address;
            }
        }

        throw new MicaException(ErrorKind.Unavailable, $"no available IPv4 addresses on this network's address pools: {range}");
    }

    private bool IsTaken(IPAddress address)
    {
        if (address.Equals(bridge.Gateway))
        {
            return true;
        }

        string file = FileOf(address);
        return File.Exists(file) && IsHeld(file);
    }

    /// <summary>Whether any process has an address of any bridge.</summary>
    public static bool IsAnyTaken(string directory) =>
        Directory.GetDirectories(directory).SelectMany(Directory.GetFiles).Any(file => IPAddress.TryParse(System.IO.Path.GetFileName(file), out _) && IsHeld(file));

    private static bool IsHeld(string file)
    {
        string[] words = File.ReadAllText(file).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        return words.Length == 3 && int.TryParse(words[0], CultureInfo.InvariantCulture, out int process)
            && long.TryParse(words[1], CultureInfo.InvariantCulture, out long start) && new ProcessIdentity(process, start, words[2]).IsAlive();
    }

    internal static uint Number(IPAddress address) => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());

    internal static IPAddress Address(uint number)
    {
        byte[] bytes = new byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPAddress(bytes);
    }
}
