using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// Our table of nftables, <c>ip mica</c>: what goes out of a bridge gets the machine's address, bridges are kept apart, and
/// published ports are elements of two maps, so that to publish one adds no rule. nft(8).
/// </summary>
internal sealed class Firewall(RuntimeOptions options)
{
    private const string DockersChain = "DOCKER-USER";

    private const string Table = """
        add table ip mica
        add map ip mica ports { type inet_proto . inet_service : ipv4_addr . inet_service ; }
        add map ip mica bound { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service ; }
        add chain ip mica prerouting { type nat hook prerouting priority -100 ; }
        add chain ip mica output { type nat hook output priority -100 ; }
        add chain ip mica postrouting { type nat hook postrouting priority 100 ; }
        add chain ip mica forward { type filter hook forward priority 0 ; }
        flush chain ip mica prerouting
        flush chain ip mica output
        add rule ip mica prerouting dnat ip to ip daddr . meta l4proto . th dport map @bound
        add rule ip mica prerouting fib daddr type local dnat ip to meta l4proto . th dport map @ports
        add rule ip mica output dnat ip to ip daddr . meta l4proto . th dport map @bound
        add rule ip mica output fib daddr type local dnat ip to meta l4proto . th dport map @ports

        """;

    /// <summary>Makes the table, and the rules of the bridge in chains of its own. What is there already is made anew.</summary>
    public void AddBridge(BridgeDefinition bridge)
    {
        string name = bridge.Interface, subnet = bridge.Subnet.ToString();
        StringBuilder script = new(Table);
        script.Append(null, $"add chain ip mica out-{name}\nflush chain ip mica out-{name}\nadd chain ip mica between-{name}\nflush chain ip mica between-{name}\n");

        // From the machine's loopback to a published port, and from a container to its own.
        script.Append(null, $"add rule ip mica out-{name} ip saddr 127.0.0.0/8 oifname \"{name}\" masquerade\n");
        script.Append(null, $"add rule ip mica out-{name} ct status dnat ip saddr {subnet} ip daddr {subnet} masquerade\n");
        if (bridge.IsInternal)
        {
            script.Append(null, $"add rule ip mica between-{name} iifname \"{name}\" oifname != \"{name}\" drop\n");
            script.Append(null, $"add rule ip mica between-{name} oifname \"{name}\" iifname != \"{name}\" drop\n");
        }
        else
        {
            script.Append(null, $"add rule ip mica out-{name} ip saddr {subnet} oifname != \"{name}\" masquerade\n");
            script.Append(null, $"add rule ip mica between-{name} ct status dnat accept\n");
            script.Append(null, $"add rule ip mica between-{name} ct state established,related accept\n");
            script.Append(null, $"add rule ip mica between-{name} iifname \"{name}\" oifname != \"{name}\" oifname \"mica*\" drop\n");
        }

        string listed = List();
        if (!listed.Contains($"jump out-{name}\n", StringComparison.Ordinal))
        {
            script.Append(null, $"add rule ip mica postrouting jump out-{name}\nadd rule ip mica forward jump between-{name}\n");
        }

        Run(script.ToString());
        if (!bridge.IsInternal)
        {
            Admit(name);
        }
    }

    /// <summary>Removes the rules of a bridge; there may be none.</summary>
    public void RemoveBridge(string name)
    {
        StringBuilder script = new();
        string chain = "";
        foreach (string line in List().Split('\n').Select(line => line.Trim()))
        {
            chain = line.StartsWith("chain ", StringComparison.Ordinal) ? line.Split(' ')[1] : chain;
            if (line.Contains($"jump out-{name} ", StringComparison.Ordinal) || line.Contains($"jump between-{name} ", StringComparison.Ordinal))
            {
                script.Append(null, $"delete rule ip mica {chain} handle {line[(line.LastIndexOf(' ') + 1)..]}\n");
            }
        }

        foreach (string[] rule in Admissions(name))
        {
            Ask("iptables", ["-w", "-D", DockersChain, .. rule]);
        }

        if (script.Length > 0)
        {
            Run($"{script}delete chain ip mica out-{name}\ndelete chain ip mica between-{name}\n");
        }
    }

    /// <summary>Lets ports of the machine lead to a container, whose owner has them reserved.</summary>
    public void Publish(IReadOnlyCollection<PublishedPort> ports, IPAddress container)
    {
        try
        {
            Change("add", ports, container);
        }
        catch (MicaException)
        {
            // What a container of old left goes first.
            foreach (PublishedPort port in ports)
            {
                TryRun(Key("delete", port) + " }\n");
            }

            Change("add", ports, container);
        }
    }

    /// <summary>Takes that back; it may be gone.</summary>
    public void Withdraw(IReadOnlyCollection<PublishedPort> ports, IPAddress container)
    {
        try
        {
            Change("delete", ports, container);
        }
        catch (MicaException)
        {
            // Somebody else has emptied the table; one by one what is left goes.
            foreach (PublishedPort port in ports)
            {
                TryRun(Element("delete", port, container));
            }
        }
    }

    private void Change(string verb, IReadOnlyCollection<PublishedPort> ports, IPAddress container)
    {
        if (ports.Count > 0)
        {
            Run(string.Concat(ports.Select(port => Element(verb, port, container))));
        }
    }

    private static string Element(string verb, PublishedPort port, IPAddress container) =>
        string.Create(CultureInfo.InvariantCulture, $"{Key(verb, port)} : {container} . {port.ContainerPort} }}\n");

    private static string Key(string verb, PublishedPort port)
    {
        string key = string.Create(CultureInfo.InvariantCulture, $"{port.Protocol} . {port.HostPort}");
        return port.HostAddress is { } address ? $"{verb} element ip mica bound {{ {address} . {key}" : $"{verb} element ip mica ports {{ {key}";
    }

    private string List()
    {
        StringBuilder said = new();
        try
        {
            Run("list table ip mica\n", said, "--handle");
        }
        catch (MicaException)
        {
            return ""; // there is no table yet
        }

        return said.ToString().Replace(" # handle", "", StringComparison.Ordinal);
    }

    /// <summary>
    /// dockerd drops what is forwarded and not its own, and what one table drops no other can let through. It leaves a chain for
    /// others to say what they want let through.
    /// </summary>
    private void Admit(string name)
    {
        if (!Ask("iptables", ["-w", "-n", "-L", DockersChain]))
        {
            return;
        }

        foreach (string[] rule in Admissions(name))
        {
            if (!Ask("iptables", ["-w", "-C", DockersChain, .. rule]))
            {
                Ask("iptables", ["-w", "-I", DockersChain, .. rule]);
            }
        }
    }

    private static string[][] Admissions(string name) =>
        [["-i", name, "-j", "ACCEPT"], ["-o", name, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED,DNAT", "-j", "ACCEPT"]];

    private bool Ask(string program, string[] words)
    {
        if (options.FindProgram(program) is not { } path)
        {
            return false;
        }

        using ChildProcess child = ChildProcess.Start(new ChildCommand(path, [program, .. words], [$"PATH={string.Join(':', options.ProgramDirectories)}"]));
        child.ReadOutput((_, _) => { });
        return child.Wait() == 0;
    }

    private void TryRun(string script)
    {
        try
        {
            Run(script);
        }
        catch (MicaException)
        {
            // It was not there.
        }
    }

    private void Run(string script, StringBuilder? output = null, params ReadOnlySpan<string> flags)
    {
        string nft = options.FindProgram("nft")
            ?? throw new MicaException(ErrorKind.Unsupported, "nft is missing, which networks of containers need: apt-get install nftables (or --network host, none)");
        StringBuilder said = new();
        ImmutableArray<string> words = [nft, .. flags, "-f", "-"];
        using ChildProcess child = ChildProcess.Start(new ChildCommand(nft, words, [$"PATH={string.Join(':', options.ProgramDirectories)}"])
        {
            Input = Encoding.ASCII.GetBytes(script),
        });
        child.ReadOutput((isError, bytes) => (isError || output is null ? said : output).Append(Encoding.UTF8.GetString(bytes)));
        if (child.Wait() != 0)
        {
            throw new MicaException(ErrorKind.Failed, $"nft: {Printable.Of(said.ToString().Trim().Split('\n')[0])}");
        }
    }
}
