using System.Net;

namespace Mica.Registry;

/// <summary>Addresses that never leave this machine: 127.0.0.0/8, ::1 and localhost.</summary>
internal static class Loopback
{
    public static bool Is(Uri address)
    {
        string host = address.IdnHost.Trim('[', ']');
        return host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(host, out IPAddress? ip) && IPAddress.IsLoopback(ip));
    }
}
