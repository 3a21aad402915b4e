using System.Net;
using System.Net.NetworkInformation;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// Connects containers to bridges of this machine, by talking to the kernel directly: a bridge, a pair of interfaces for each
/// container, addresses and routes; nft only makes a bridge's rules, once, and publishes ports. Any number of processes may do
/// so at the same time; a lock orders them. All of it is gone after a reboot, and made again by whoever needs it first.
/// An ordinary user's bridges are in a network of that user's own.
/// </summary>
public sealed class BridgeConnection(RuntimeOptions options)
{
    /// <summary>Who answers an ordinary user's containers' questions for names, where no service of the network does. slirp4netns(1).</summary>
    public const string NameServerOfUsers = "10.0.2.3";

    private const int InterfaceNameSize = 15;

    private readonly Firewall _firewall = new(options);
    private readonly UserNetwork? _own = options.Rung == RuntimeRung.Root ? null : new UserNetwork(options);

    /// <summary>Why there can be no bridges here, and the way out; null: there can.</summary>
    public static string? FindObstacle(RuntimeOptions options) => options.Rung == RuntimeRung.Root ? null : UserNetwork.FindObstacle(options);

    /// <summary>Connects a process's network namespace to a bridge.</summary>
    /// <param name="bridge">Made if need be.</param>
    /// <param name="process">Whose namespace it is; the address is its until it ends.</param>
    /// <param name="inside">The interface's name there, such as <c>eth0</c>.</param>
    /// <param name="wanted">The address that it shall have; null: one that is free.</param>
    /// <param name="hardware">The hardware address that it shall have; null: one that follows from its address.</param>
    /// <param name="isWayOut">Its default route leads there.</param>
    /// <exception cref="MicaException"><see cref="ErrorKind.Conflict"/>: the address is taken. <see cref="ErrorKind.Failed"/>: the kernel says no.</exception>
    public Connection Connect(
        BridgeDefinition bridge, ProcessIdentity process, string inside, IPAddress? wanted, PhysicalAddress? hardware, bool isWayOut) => Within(() =>
    {
        AddressBook addresses = new(options.NetworkDirectory, bridge);
        IPAddress address = addresses.Take(wanted, process);
        try
        {
            byte[] mac = hardware?.GetAddressBytes() ?? [0x02, 0x42, .. address.GetAddressBytes()];
            string outside = NameOutside(bridge, address);
            using NetlinkSocket machine = new();
            int index = Ensure(machine, bridge);
            using DescriptorFile space = DescriptorFile.Open($"/proc/{process.ProcessId}/ns/net");
            machine.Remove(outside); // of a container that was killed with everything just now
            machine.AddPair(outside, index, inside, mac, space, bridge.Mtu);
            space.RunInNetwork(() => SetUpInside(bridge, inside, address, isWayOut));
            return new Connection(address, outside, string.Join(':', mac.Select(part => part.ToString("x2", null))));
        }
        catch (LinuxException failure)
        {
            addresses.Release(address);
            throw new MicaException(ErrorKind.Failed, $"network {bridge.Interface}: {failure.Message}", failure);
        }
        catch
        {
            addresses.Release(address);
            throw;
        }
    });

    /// <summary>Sets up the loopback of a process's network namespace, which the runtime leaves down.</summary>
    public static void SetUpLoopback(ProcessIdentity process)
    {
        using DescriptorFile space = DescriptorFile.Open($"/proc/{process.ProcessId}/ns/net");
        space.RunInNetwork(() =>
        {
            using NetlinkSocket there = new();
            there.SetUp(1, "lo");
        });
    }

    /// <summary>Lets ports of the machine lead to an address of a bridge.</summary>
    public void Publish(IReadOnlyCollection<PublishedPort> ports, IPAddress address) => Within(() =>
    {
        _firewall.Publish(Led(ports), address);
        _own?.Publish(ports);
        return true;
    });

    /// <summary>Runs <paramref name="work"/>, alone, in the network in which the bridges are.</summary>
    public T Within<T>(Func<T> work) => Locked(() => _own is null ? work() : _own.Run(work));

    /// <summary>Takes away what <see cref="Connect"/> and <see cref="Publish"/> made; nothing happens when it is gone.</summary>
    public void Disconnect(BridgeDefinition bridge, IPAddress address, IReadOnlyCollection<PublishedPort> ports) => Locked(() =>
    {
        WithinIfThere(() =>
        {
            using (NetlinkSocket machine = new())
            {
                machine.Remove(NameOutside(bridge, address));
            }

            if (ports.Count > 0)
            {
                _firewall.Withdraw(Led(ports), address);
                _own?.Withdraw(ports);
            }
        });
        new AddressBook(options.NetworkDirectory, bridge).Release(address);
        if (_own is not null && !AddressBook.IsAnyTaken(options.NetworkDirectory))
        {
            _own.Stop();
        }

        return true;
    });

    /// <summary>Removes a bridge to which nothing is connected; it may be gone.</summary>
    public void Remove(BridgeDefinition bridge) => Locked(() =>
    {
        WithinIfThere(() =>
        {
            using (NetlinkSocket machine = new())
            {
                machine.Remove(bridge.Interface);
            }

            if (File.Exists(MarkOf(bridge)))
            {
                _firewall.RemoveBridge(bridge.Interface);
                File.Delete(MarkOf(bridge));
            }
        });
        LinuxFileSystem.RemoveTree(Path.Combine(options.NetworkDirectory, bridge.Interface));
        return true;
    });

    /// <summary>As the bridges' network sees the ports: one of the user's own has no addresses of the machine.</summary>
    private IReadOnlyCollection<PublishedPort> Led(IReadOnlyCollection<PublishedPort> ports) =>
        _own is null ? ports : [.. ports.Select(port => port with { HostAddress = null })];

    private void WithinIfThere(Action work)
    {
        if (_own is null)
        {
            work();
        }
        else if (_own.IsThere)
        {
            _own.Run(() =>
            {
                work();
                return true;
            });
        }
    }

    /// <summary>A number of the address in a name that is at most 15 letters long.</summary>
    private static string NameOutside(BridgeDefinition bridge, IPAddress address)
    {
        string name = $"mv{AddressBook.Number(address):x8}";
        return name.Length <= InterfaceNameSize ? name : throw new MicaException(ErrorKind.Internal, $"{bridge.Interface}: {name} is too long a name");
    }

    private static void SetUpInside(BridgeDefinition bridge, string inside, IPAddress address, bool isWayOut)
    {
        using NetlinkSocket there = new();
        there.SetUp(1, "lo");
        int index = there.FindLink(inside) ?? throw new LinuxException("look up interface", inside, Errno.ENODEV);
        there.AddAddress(index, address, bridge.Subnet.PrefixLength);
        there.SetUp(index, inside);
        if (isWayOut && !bridge.IsInternal)
        {
            there.AddDefaultRoute(bridge.Gateway);
        }
    }

    private int Ensure(NetlinkSocket machine, BridgeDefinition bridge)
    {
        string mark = MarkOf(bridge);
        if (machine.FindLink(bridge.Interface) is { } there && File.Exists(mark))
        {
            return there;
        }

        int index = machine.EnsureBridge(bridge.Interface, bridge.Mtu);
        machine.AddAddress(index, bridge.Gateway, bridge.Subnet.PrefixLength);
        _firewall.AddBridge(bridge);
        Set("/proc/sys/net/ipv4/ip_forward", "1");
        Set($"/proc/sys/net/ipv4/conf/{bridge.Interface}/route_localnet", "1");
        Directory.CreateDirectory(Path.GetDirectoryName(mark)!);
        File.WriteAllText(mark, "");
        return index;
    }

    /// <summary>Says that the rules of a bridge are there: in this boot and this network namespace.</summary>
    private string MarkOf(BridgeDefinition bridge)
    {
        string space = File.ResolveLinkTarget("/proc/thread-self/ns/net", returnFinalTarget: false)!.Name.Trim('[', ']');
        return Path.Combine(options.NetworkDirectory, "rules", $"{bridge.Interface}-{space.Replace(":[", "-", StringComparison.Ordinal)}-{ProcessIdentity.CurrentBootId}");
    }

    private static void Set(string path, string value)
    {
        if (File.ReadAllText(path).Trim() != value)
        {
            try
            {
                File.WriteAllText(path, value);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                throw new MicaException(ErrorKind.Failed, $"{path} cannot be set to {value}: {failure.Message}", failure);
            }
        }
    }

    private T Locked<T>(Func<T> work)
    {
        Directory.CreateDirectory(options.NetworkDirectory);
        using FileLock? held = FileLock.AcquireAsync(
            Path.Combine(options.NetworkDirectory, "connect.lock"), FileLockMode.Exclusive, Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None)
            .GetAwaiter().GetResult();
        return work();
    }
}

/// <summary>How a container is connected.</summary>
/// <param name="Address">Its own.</param>
/// <param name="Outside">The name of the machine's end.</param>
/// <param name="HardwareAddress">Of its end.</param>
public sealed record Connection(IPAddress Address, string Outside, string HardwareAddress);
