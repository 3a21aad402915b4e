using System.Collections.Immutable;
using System.Globalization;
using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>A word of EXPOSE: <c>[[IP:]HOSTPORT:]PORT[-PORT][/PROTOCOL]</c>, of which only port and protocol count.</summary>
/// <param name="First">The first port.</param>
/// <param name="Last">The last port; the same for one.</param>
/// <param name="Protocol">As written; <c>tcp</c> when not given.</param>
/// <param name="HasHostPart">Whether an address or a host's port is given, which EXPOSE has no use for.</param>
public sealed record ExposedPorts(int First, int Last, string Protocol, bool HasHostPart)
{
    /// <summary>The keys of the config's <c>ExposedPorts</c>: <c>80/tcp</c>.</summary>
    public ImmutableArray<string> Keys =>
        [.. Enumerable.Range(First, Last - First + 1).Select(port => $"{port}/{Protocol.ToLowerInvariant()}")];

    /// <summary>Reads one word after expansion.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a port.</exception>
    public static ExposedPorts Parse(string text)
    {
        int slash = text.LastIndexOf('/');
        string protocol = slash < 0 ? "tcp" : text[(slash + 1)..];
        string ports = slash < 0 ? text : text[..slash];
        int colon = ports.LastIndexOf(':');
        string container = colon < 0 ? ports : ports[(colon + 1)..];
        if (protocol.Length == 0 && slash >= 0)
        {
            protocol = "tcp";
        }

        if (container.Length == 0)
        {
            throw Invalid($"no port specified: {text}<empty>");
        }

        if (protocol.ToLowerInvariant() is not ("tcp" or "udp" or "sctp"))
        {
            throw Invalid($"invalid proto: {protocol}");
        }

        int dash = container.IndexOf('-', StringComparison.Ordinal);
        if (!TryPort(dash < 0 ? container : container[..dash], out int first) | !TryPort(dash < 0 ? container : container[(dash + 1)..], out int last) || last < first)
        {
            throw Invalid($"invalid containerPort: {container}");
        }

        return new ExposedPorts(first, last, protocol, colon >= 0);
    }

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port <= ushort.MaxValue;

    private static MicaException Invalid(string message) => new(ErrorKind.InvalidArgument, Printable.Of(message));
}
