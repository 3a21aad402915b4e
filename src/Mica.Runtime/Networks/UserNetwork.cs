using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// The network namespace in which an ordinary user's bridges are, since they may not make any on the machine: held by a process
/// that sleeps, connected to the machine by slirp4netns, which also leads ports of the machine to it. All of the user's containers
/// are connected there as root's are on the machine. Whoever calls this is alone.
/// </summary>
internal sealed class UserNetwork(RuntimeOptions options)
{
    private const string Device = "/dev/net/tun";
    private const string Interface = "tap0";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly string _directory = Path.Combine(options.NetworkDirectory, "space");

    private string HolderFile => Path.Combine(_directory, "holder.pid");

    private string CarrierFile => Path.Combine(_directory, "slirp4netns.pid");

    private string Socket => Path.Combine(_directory, "slirp4netns.sock");

    /// <summary>Whether it is there.</summary>
    public bool IsThere => Find(HolderFile) is not null && Find(CarrierFile) is not null;

    /// <summary>Why there can be none here, and the way out; null: there can.</summary>
    public static string? FindObstacle(RuntimeOptions options)
    {
        if (options.FindProgram("slirp4netns") is null)
        {
            return "slirp4netns is missing, by which an ordinary user's containers have a network: apt-get install slirp4netns";
        }

        if (options.FindProgram("nft") is null)
        {
            return "nft is missing, which networks of containers need: apt-get install nftables";
        }

        try
        {
            using FileStream device = new(Device, FileMode.Open, FileAccess.ReadWrite);
            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return $"{Device} cannot be opened, by which an ordinary user's containers have a network: as root, chmod 666 {Device}";
        }
    }

    /// <summary>Runs <paramref name="work"/> in it; it is made if need be.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Failed"/>: it could not be made.</exception>
    public T Run<T>(Func<T> work)
    {
        ProcessIdentity holder = Find(HolderFile) is { } there && Find(CarrierFile) is not null ? there : Start();
        using DescriptorFile space = DescriptorFile.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{holder.ProcessId}/ns/net"));
        T? result = default;
        try
        {
            space.RunInNetwork(() => result = work());
        }
        catch (LinuxException failure) when (failure.Errno == Errno.EPERM)
        {
            throw new MicaException(ErrorKind.Conflict, "the network belongs to another user namespace: another container was started at the same moment; try again", failure);
        }

        return result!;
    }

    /// <summary>Lets ports of the machine lead to the same ports of it.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.Conflict"/>: one is taken.</exception>
    public void Publish(IReadOnlyCollection<PublishedPort> ports)
    {
        foreach (PublishedPort port in ports)
        {
            JsonNode answer = Ask(new JsonObject
            {
                ["execute"] = "add_hostfwd",
                ["arguments"] = new JsonObject
                {
                    ["proto"] = port.Protocol,
                    ["host_addr"] = (port.HostAddress ?? IPAddress.Any).ToString(),
                    ["host_port"] = port.HostPort,
                    ["guest_port"] = port.HostPort,
                },
            });
            if (answer["error"]?["desc"] is { } reason)
            {
                throw new MicaException(
                    ErrorKind.Conflict, $"failed to bind host port {port.HostAddress ?? IPAddress.Any}:{port.HostPort}/{port.Protocol}: {Printable.Of(reason.ToString())}");
            }
        }
    }

    /// <summary>Takes that back; nothing happens when it is gone.</summary>
    public void Withdraw(IReadOnlyCollection<PublishedPort> ports)
    {
        if (ports.Count == 0 || Find(CarrierFile) is null)
        {
            return;
        }

        JsonArray entries = Ask(new JsonObject { ["execute"] = "list_hostfwd" })["return"]?["entries"]?.AsArray() ?? [];
        foreach (PublishedPort port in ports)
        {
            foreach (JsonNode entry in entries.OfType<JsonNode>().Where(entry => (int?)entry["host_port"] == port.HostPort && (string?)entry["proto"] == port.Protocol))
            {
                Ask(new JsonObject { ["execute"] = "remove_hostfwd", ["arguments"] = new JsonObject { ["id"] = (int)entry["id"]! } });
            }
        }
    }

    /// <summary>Ends it, with all that is connected to it.</summary>
    public void Stop()
    {
        foreach (string file in (ReadOnlySpan<string>)[CarrierFile, HolderFile])
        {
            if (Find(file) is { } process)
            {
                using ProcessHandle? handle = ProcessHandle.TryOpen(process);
                handle?.Signal(Signals.Kill);
            }
        }

        if (Directory.Exists(_directory))
        {
            LinuxFileSystem.RemoveTree(_directory);
        }
    }

    /// <summary>The process of a file that says its number and when it was started.</summary>
    private static ProcessIdentity? Find(string file)
    {
        string[] words = File.Exists(file) ? File.ReadAllText(file).Split(' ') : [];
        return words.Length == 3 && int.TryParse(words[0], out int id) && long.TryParse(words[1], out long start)
            && new ProcessIdentity(id, start, words[2]) is var process && process.IsAlive() ? process : null;
    }

    private ProcessIdentity Start()
    {
        Stop();
        Directory.CreateDirectory(_directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        ProcessIdentity holder = Launch(HolderFile, "unshare", "--net", "sleep", "infinity");
        string own = OwnNetwork("self");
        Await(holder, "unshare", () => OwnNetwork(holder.ProcessId.ToString(CultureInfo.InvariantCulture)) != own);
        ProcessIdentity carrier = Launch(
            CarrierFile, "slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback", $"--api-socket={Socket}",
            holder.ProcessId.ToString(CultureInfo.InvariantCulture), Interface);
        string routes = string.Create(CultureInfo.InvariantCulture, $"/proc/{holder.ProcessId}/net/route");
        Await(carrier, "slirp4netns", () => File.Exists(Socket) && File.ReadAllText(routes).Contains($"{Interface}\t00000000", StringComparison.Ordinal));
        return holder;
    }

    private static string OwnNetwork(string process) =>
        File.ResolveLinkTarget($"/proc/{process}/ns/net", returnFinalTarget: false)?.Name ?? "";

    private ProcessIdentity Launch(string file, string name, params ReadOnlySpan<string> words)
    {
        string program = options.FindProgram(name) ?? throw new MicaException(ErrorKind.Unsupported, $"{name} is missing");
        ImmutableArray<string> all = [program, .. words];
        using ChildProcess child = ChildProcess.Start(new ChildCommand(program, all, [$"PATH={string.Join(':', options.ProgramDirectories)}"]) { IsSilent = true });
        ProcessIdentity process = ProcessIdentity.Of(child.Id) ?? throw new MicaException(ErrorKind.Failed, $"{name} ended at once");
        File.WriteAllText(file, string.Create(CultureInfo.InvariantCulture, $"{process.ProcessId} {process.StartTime} {process.BootId}"));
        return process;
    }

    private static void Await(ProcessIdentity process, string name, Func<bool> isReady)
    {
        using ProcessHandle? handle = ProcessHandle.TryOpen(process);
        long start = Stopwatch.GetTimestamp();
        while (!isReady())
        {
            if (handle is null || handle.WaitForEnd(TimeSpan.FromMilliseconds(2)) || Stopwatch.GetElapsedTime(start) > s_patience)
            {
                throw new MicaException(ErrorKind.Failed, $"the network of this user's containers cannot be set up: {name} {(process.IsAlive() ? "is not ready" : "failed")}");
            }
        }
    }

    /// <summary>slirp4netns takes one question per connection.</summary>
    private JsonNode Ask(JsonObject question)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(Socket));
            socket.Send(Encoding.UTF8.GetBytes(question.ToJsonString()));
            socket.Shutdown(SocketShutdown.Send);
            byte[] answer = new byte[64 << 10];
            int length = 0;
            for (int count; length < answer.Length && (count = socket.Receive(answer.AsSpan(length))) > 0;)
            {
                length += count;
            }

            return JsonNode.Parse(answer.AsSpan(0, length)) ?? new JsonObject();
        }
        catch (Exception failure) when (failure is SocketException or JsonException)
        {
            throw new MicaException(ErrorKind.Failed, $"slirp4netns does not answer: {failure.Message}", failure);
        }
    }
}
