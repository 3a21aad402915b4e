using System.Globalization;
using System.Net;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary><c>-p [[ADDRESS:][HOST]:]CONTAINER[/PROTOCOL]</c>, with ranges, and <c>--expose</c>.</summary>
internal static class PortFlag
{
    private const int Highest = 65535;

    public static IEnumerable<PortDefinition> Parse(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string protocol = slash < 0 ? "tcp" : text[(slash + 1)..].ToLowerInvariant();
        if (protocol is not ("tcp" or "udp" or "sctp"))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"invalid protocol: {Printable.Of(protocol)}");
        }

        string rest = slash < 0 ? text : text[..slash];
        int last = rest.LastIndexOf(':');
        string container = rest[(last + 1)..];
        string before = last < 0 ? "" : rest[..last];
        int middle = before.LastIndexOf(':');
        bool hasAddress = last >= 0 && (middle >= 0 || before.StartsWith('['));
        string host = last < 0 ? "" : hasAddress ? before[(middle + 1)..] : before;
        string address = hasAddress ? before[..Math.Max(middle, 0)].Trim('[', ']') : "";
        if (address.Length > 0 && !IPAddress.TryParse(address, out _))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"invalid IP address: {Printable.Of(address)}");
        }

        (int first, int count) = Range(container, "containerPort", text);
        if (host.Length == 0)
        {
            return Enumerable.Range(first, count).Select(port => new PortDefinition(port, protocol, address, 0));
        }

        (int firstHost, int hosts) = Range(host, "hostPort", text);
        if (hosts != count && count != 1)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"invalid ranges specified for container and host Ports: {Printable.Of(container)} and {Printable.Of(host)}");
        }

        return count == 1 && hosts > 1
            ? [new PortDefinition(first, protocol, address, firstHost) { LastHostPort = firstHost + hosts - 1 }]
            : Enumerable.Range(0, count).Select(i => new PortDefinition(first + i, protocol, address, firstHost + i));
    }

    /// <summary><c>port[-port][/protocol]</c>.</summary>
    public static IEnumerable<string> Exposed(string text)
    {
        string[] parts = text.Split('/');
        (int first, int count) = Range(parts[0], "port", text);
        return Enumerable.Range(first, count).Select(port => string.Create(CultureInfo.InvariantCulture, $"{port}/{(parts.Length > 1 ? parts[1] : "tcp")}"));
    }

    private static (int First, int Count) Range(string text, string what, string whole)
    {
        string[] ends = text.Split('-');
        return ends.Length <= 2 && TryPort(ends[0], out int first) && TryPort(ends[^1], out int last) && last >= first
            ? (first, last - first + 1)
            : throw new MicaException(ErrorKind.InvalidArgument, $"invalid {what}: {Printable.Of(text)} in {Printable.Of(whole)}");
    }

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port <= Highest;
}
