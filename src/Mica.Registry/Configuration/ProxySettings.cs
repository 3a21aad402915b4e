using System.Collections.Immutable;
using System.Net;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// The proxies that requests go through, as <c>HTTP_PROXY</c>, <c>HTTPS_PROXY</c> and <c>NO_PROXY</c> give them; the program
/// hands them down. Loopback hosts are always asked directly. Printing it shows no password.
/// </summary>
public sealed record ProxySettings
{
    private static readonly string[] s_schemes = ["http", "https", "socks4", "socks4a", "socks5"];

    /// <summary>For <c>http</c> requests: a URL (http, https, socks4, socks4a, socks5), or <c>host:port</c> of an http proxy.</summary>
    public string? HttpProxy { get; init; }

    /// <summary>For <c>https</c> requests, in the same form.</summary>
    public string? HttpsProxy { get; init; }

    /// <summary>
    /// What is asked directly, separated by commas: <c>*</c>, a domain with all below it (<c>example.com</c>), only what is
    /// below it (<c>.example.com</c>, <c>*.example.com</c>), an address, a CIDR range. Domains and addresses may have a port.
    /// </summary>
    public string? NoProxy { get; init; }

    /// <summary>The proxy for an HTTP handler; null when none is set, so that the handler uses none.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: a value is not a proxy's address.</exception>
    public IWebProxy? ToWebProxy()
    {
        Uri? http = Parse(HttpProxy, "HTTP_PROXY");
        Uri? https = Parse(HttpsProxy, "HTTPS_PROXY");
        return http is null && https is null ? null : new RuledProxy(http, https, new DirectHosts(NoProxy ?? ""));
    }

    /// <summary>Which proxies are set.</summary>
    public override string ToString() => $"http: {Shown(HttpProxy)}, https: {Shown(HttpsProxy)}, direct: {NoProxy}";

    private static string Shown(string? proxy) => string.IsNullOrWhiteSpace(proxy) ? "none"
        : TryParse(proxy, out Uri? uri) ? uri.GetComponents(UriComponents.Scheme | UriComponents.HostAndPort, UriFormat.UriEscaped)
        : "malformed";

    private static Uri? Parse(string? text, string name)
    {
        // The value may have a password in it, so the message does not show it.
        return string.IsNullOrWhiteSpace(text) ? null
            : TryParse(text, out Uri? uri) ? uri
            : throw new MicaException(ErrorKind.InvalidArgument, $"{name} is not the address of a proxy: write http://host:port");
    }

    private static bool TryParse(string text, out Uri uri)
    {
        text = text.Trim();
        string full = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        if (full.StartsWith("socks5h://", StringComparison.OrdinalIgnoreCase))
        {
            // The handler always leaves the resolving of names to the proxy, which is what the h asks for.
            full = "socks5" + full["socks5h".Length..];
        }

        return Uri.TryCreate(full, UriKind.Absolute, out uri!) && s_schemes.Contains(uri.Scheme) && uri.Host.Length > 0;
    }

    private sealed class RuledProxy(Uri? http, Uri? https, DirectHosts direct) : IWebProxy
    {
        private readonly Uri? _http = WithoutAccount(http);
        private readonly Uri? _https = WithoutAccount(https);

        public ICredentials? Credentials { get; set; } = new Accounts(http, https);

        public Uri? GetProxy(Uri destination) => IsBypassed(destination) ? null : For(destination);

        public bool IsBypassed(Uri host) => For(host) is null || host.IsLoopback || direct.Contains(host);

        private Uri? For(Uri destination) => destination.Scheme == Uri.UriSchemeHttps ? _https : _http;

        /// <summary>The handler shows the proxy's address when it does not answer.</summary>
        private static Uri? WithoutAccount(Uri? proxy) => proxy is null || proxy.UserInfo.Length == 0
            ? proxy
            : new UriBuilder(proxy) { UserName = "", Password = "" }.Uri;
    }

    private sealed class Accounts(Uri? http, Uri? https) : ICredentials
    {
        public NetworkCredential? GetCredential(Uri uri, string authType)
        {
            Uri? proxy = new[] { http, https }.FirstOrDefault(each =>
                each is { UserInfo.Length: > 0 } && each.Scheme == uri.Scheme && each.Authority == uri.Authority);
            if (proxy is null)
            {
                return null;
            }

            string[] parts = proxy.UserInfo.Split(':', 2);
            return new NetworkCredential(Uri.UnescapeDataString(parts[0]), parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : "");
        }
    }
}

/// <summary>The rules of <c>NO_PROXY</c>.</summary>
internal sealed class DirectHosts
{
    private readonly bool _all;
    private readonly ImmutableArray<AddressRange> _ranges;
    private readonly ImmutableArray<(IPAddress Address, int? Port)> _addresses;
    private readonly ImmutableArray<(string Domain, bool OnlyBelow, int? Port)> _domains;

    public DirectHosts(string rules)
    {
        string[] parts = rules.Split([',', ' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        ImmutableArray<AddressRange>.Builder ranges = ImmutableArray.CreateBuilder<AddressRange>();
        ImmutableArray<(IPAddress, int?)>.Builder addresses = ImmutableArray.CreateBuilder<(IPAddress, int?)>();
        ImmutableArray<(string, bool, int?)>.Builder domains = ImmutableArray.CreateBuilder<(string, bool, int?)>();
        foreach (string part in parts)
        {
            (string host, int? port) = SplitPort(part);
            if (part == "*")
            {
                _all = true;
            }
            else if (AddressRange.TryParse(part, out AddressRange range))
            {
                ranges.Add(range);
            }
            else if (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address))
            {
                addresses.Add((AddressRange.Unmapped(address), port));
            }
            else
            {
                string domain = host.StartsWith("*.", StringComparison.Ordinal) ? host[1..] : host;
                domains.Add((domain.Trim('.'), domain.StartsWith('.'), port));
            }
        }

        _ranges = ranges.ToImmutable();
        _addresses = addresses.ToImmutable();
        _domains = domains.ToImmutable();
    }

    public bool Contains(Uri destination)
    {
        if (_all)
        {
            return true;
        }

        string host = destination.IdnHost.TrimEnd('.');
        if (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address))
        {
            address = AddressRange.Unmapped(address);
            return _addresses.Any(each => each.Address.Equals(address) && (each.Port ?? destination.Port) == destination.Port)
                || _ranges.Any(range => range.Contains(address));
        }

        return _domains.Any(each => (each.Port ?? destination.Port) == destination.Port
            && ((!each.OnlyBelow && host.Equals(each.Domain, StringComparison.OrdinalIgnoreCase))
                || host.EndsWith("." + each.Domain, StringComparison.OrdinalIgnoreCase)));
    }

    private static (string Host, int? Port) SplitPort(string part)
    {
        // An IPv6 address has colons of its own, and takes a port only in brackets.
        int colon = part.LastIndexOf(':');
        bool separates = colon >= 0 && (part.IndexOf(':', StringComparison.Ordinal) == colon || part[..colon].EndsWith(']'));
        return separates && ushort.TryParse(part.AsSpan(colon + 1), out ushort port) ? (part[..colon], port) : (part, null);
    }
}
