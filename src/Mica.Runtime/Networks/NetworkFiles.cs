using System.Net;
using System.Text;

namespace Mica.Runtime;

/// <summary>What a container finds in /etc about its network.</summary>
internal static class NetworkFiles
{
    /// <summary>For a container of its own network when the machine names only servers that are the machine itself.</summary>
    private static readonly string[] s_publicServers = ["8.8.8.8", "8.8.4.4"];

    /// <param name="spec">Says names.</param>
    /// <param name="address">The container's own; null for the loopback.</param>
    /// <param name="machine">The machine's, as the container sees it; null when it does not.</param>
    public static string Hosts(ContainerSpec spec, string? address, string? machine)
    {
        StringBuilder text = new();
        text.Append("127.0.0.1\tlocalhost").Append(address is null ? $" {spec.Hostname}" : "").Append('\n');
        text.Append("::1\tlocalhost ip6-localhost ip6-loopback\n");
        text.Append("fe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
        foreach (ExtraHost host in spec.ExtraHosts)
        {
            if ((host.Address == ExtraHost.Gateway ? machine : host.Address) is { } known)
            {
                text.Append(known).Append('\t').Append(host.Name).Append('\n');
            }
        }

        return address is null ? text.ToString() : text.Append(address).Append('\t').Append(spec.Hostname).Append('\n').ToString();
    }

    /// <param name="machine">The machine's file.</param>
    /// <param name="dns">What goes before it.</param>
    /// <param name="ownNetwork">A server on the machine's loopback is out of reach.</param>
    public static string ResolvConf(string machine, DnsSettings dns, bool ownNetwork)
    {
        List<string> servers = [.. dns.Servers];
        List<string> searches = [.. dns.Searches];
        List<string> options = [.. dns.Options];
        List<string> machineServers = [], machineSearches = [], machineOptions = [];
        foreach (string line in machine.Split('\n'))
        {
            string[] words = line.Split((char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            switch (words)
            {
                case ["nameserver", var server, ..] when !ownNetwork || !IsLoopback(server):
                    machineServers.Add(server);
                    break;
                case ["search" or "domain", .. var domains]:
                    machineSearches = [.. domains]; // the last line counts
                    break;
                case ["options", .. var more]:
                    machineOptions.AddRange(more);
                    break;
            }
        }

        servers = servers.Count > 0 ? servers : machineServers.Count > 0 || !ownNetwork ? machineServers : [.. s_publicServers];
        searches = searches.Count > 0 ? searches : machineSearches;
        options = options.Count > 0 ? options : machineOptions;
        StringBuilder text = new();
        servers.ForEach(server => text.Append("nameserver ").Append(server).Append('\n'));
        text.Append(searches.Count > 0 ? $"search {string.Join(' ', searches)}\n" : "");
        text.Append(options.Count > 0 ? $"options {string.Join(' ', options)}\n" : "");
        return text.ToString();
    }

    private static bool IsLoopback(string server) =>
        IPAddress.TryParse(server.Split('%')[0], out IPAddress? address) && IPAddress.IsLoopback(address);
}
