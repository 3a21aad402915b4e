using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Text.Json;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// A network namespace with an address on our bridge and a way out by the machine's address, made by netavark. Its directory in
/// the state directory says what to take down when this process dies without doing so.
/// </summary>
internal sealed class BridgeNetwork : IDisposable
{
    private const string Bridge = "mica0";
    private const string Prefix = "10.87.";

    /// <summary>The machine's address on the bridge.</summary>
    public const string Gateway = $"{Prefix}0.1";

    private const int MaxAddresses = 250 * 250;
    private const string ConfigName = "network.json";

    private readonly RuntimeOptions _options;
    private readonly FileLock _addressLock;
    private readonly ContainerDirectory _directory;
    private readonly NetworkNamespace _namespace = new();

    private BridgeNetwork(RuntimeOptions options, string address, FileLock addressLock)
    {
        (_options, Address, _addressLock) = (options, address, addressLock);
        _directory = ContainerDirectory.Acquire(options, $".net-{address}");
    }

    /// <summary>In the bridge's subnet.</summary>
    public string Address { get; }

    /// <summary>The namespace's file.</summary>
    public string NamespacePath => _namespace.Path;

    /// <exception cref="MicaException"><see cref="ErrorKind.Unsupported"/>: netavark is missing, or says no.</exception>
    public static BridgeNetwork Create(RuntimeOptions options)
    {
        _ = FindNetavark(options);
        (string address, FileLock addressLock) = TakeAddress(options);
        BridgeNetwork network = new(options, address, addressLock);
        try
        {
            byte[] config = Config(address);
            File.WriteAllBytes(Path.Combine(network._directory.Path, ConfigName), config);
            Run(options, "setup", config, network.NamespacePath);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Takes down what a process that died left, if the directory is that of a network.</summary>
    public static void RemoveRemains(RuntimeOptions options, string directory)
    {
        string path = Path.Combine(directory, ConfigName);
        if (File.Exists(path) && options.FindProgram("netavark") is not null)
        {
            // The namespace is gone with its container; left are rules of the firewall, and the bridge. netavark takes nothing
            // down where the interface is missing, so it gets one.
            using NetworkNamespace empty = new();
            byte[] config = File.ReadAllBytes(path);
            TryRun(options, "setup", config, empty.Path);
            TryRun(options, "teardown", config, empty.Path);
            File.Delete(path);
        }
    }

    /// <summary>Takes the network down.</summary>
    public void Dispose()
    {
        string path = Path.Combine(_directory.Path, ConfigName);
        if (File.Exists(path))
        {
            TryRun(_options, "teardown", File.ReadAllBytes(path), NamespacePath);
            File.Delete(path);
        }

        _namespace.Dispose();
        _directory.Dispose();
        _addressLock.Dispose();
    }

    /// <summary>An address is whoever's holds the lock of its name, on the whole machine.</summary>
    private static (string Address, FileLock Lock) TakeAddress(RuntimeOptions options)
    {
        string directory = Directory.CreateDirectory(Path.Combine(options.NetworkDirectory, "addresses")).FullName;
        for (int i = 0; i < MaxAddresses; i++)
        {
            string address = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{i / 250}.{(i % 250) + 2}");
            if (FileLock.TryAcquire(Path.Combine(directory, address), FileLockMode.Exclusive) is { } held)
            {
                return (address, held);
            }
        }

        throw new MicaException(ErrorKind.Unavailable, $"no address is free in {Prefix}0.0/16");
    }

    private static byte[] Config(string address)
    {
        NetavarkNetwork network = new(
            Bridge, Digest.Of(Encoding.UTF8.GetBytes(Bridge)).ToString()["sha256:".Length..], "bridge", Bridge,
            [new NetavarkSubnet($"{Prefix}0.0/16", Gateway)],
            Ipv6Enabled: false, Internal: false, DnsEnabled: false, new(StringComparer.Ordinal) { ["driver"] = "host-local" });
        string id = Digest.Of(Encoding.UTF8.GetBytes(address)).ToString()["sha256:".Length..];
        return NetavarkContext.Write(new NetavarkConfig(
            id,
            $"mica-{address}",
            new(StringComparer.Ordinal) { [Bridge] = new NetavarkMembership([address], "eth0") },
            new(StringComparer.Ordinal) { [Bridge] = network }));
    }

    private static void TryRun(RuntimeOptions options, string action, byte[] config, string namespacePath)
    {
        try
        {
            Run(options, action, config, namespacePath);
        }
        catch (MicaException)
        {
            // Somebody took a part of it down by hand; there is nobody to tell.
        }
    }

    private static string FindNetavark(RuntimeOptions options) => options.FindProgram("netavark")
        ?? throw new MicaException(ErrorKind.Unsupported, "netavark is not installed");

    /// <summary>On a fresh thread: one that had a container of its own can start no more processes. One at a time on the machine.</summary>
    private static void Run(RuntimeOptions options, string action, byte[] config, string namespacePath)
    {
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                RunHere(options, action, config, namespacePath);
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    private static void RunHere(RuntimeOptions options, string action, byte[] config, string namespacePath)
    {
        Directory.CreateDirectory(options.NetworkDirectory);
        string lockPath = Path.Combine(options.NetworkDirectory, "lock");
        using FileLock? held = FileLock.AcquireAsync(
            lockPath, FileLockMode.Exclusive, Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None).GetAwaiter().GetResult();
        ImmutableArray<string> words = [FindNetavark(options), "--config", options.NetworkDirectory, "--rootless", "false", action, namespacePath];
        StringBuilder said = new();
        ChildCommand command = new(words[0], words, [$"PATH={string.Join(':', options.ProgramDirectories)}"]) { Input = config };
        using ChildProcess child = ChildProcess.Start(command);
        child.ReadOutput((_, bytes) => said.Append(Encoding.UTF8.GetString(bytes)));
        if (child.Wait() != 0)
        {
            throw new MicaException(ErrorKind.Unsupported, $"netavark: {Printable.Of(ReadError(said.ToString()))}");
        }
    }

    /// <summary>It says <c>{"error":"…"}</c>, beside lines of a log.</summary>
    private static string ReadError(string said)
    {
        foreach (string line in said.Split('\n').Where(line => line.StartsWith('{')))
        {
            try
            {
                using JsonDocument document = JsonDocument.Parse(line);
                if (document.RootElement.TryGetProperty("error", out JsonElement error) && error.GetString() is { } text)
                {
                    return text;
                }
            }
            catch (JsonException)
            {
                break;
            }
        }

        return said.Trim().Split('\n')[^1];
    }
}
