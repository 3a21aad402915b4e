using System.Net;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// Which proxy a request goes through: the <c>HTTP_PROXY</c>, <c>HTTPS_PROXY</c> and <c>NO_PROXY</c> that every tool knows.
/// Loopback addresses are always reached directly.
/// </summary>
public sealed class ProxyRules : IWebProxy
{
    private readonly Uri? _http;
    private readonly Uri? _https;
    private readonly string[] _bypassed;

    /// <param name="http">For <c>http</c> addresses: <c>[http://][user:password@]host:port</c>, also <c>socks5://</c>; null or empty for none.</param>
    /// <param name="https">The same for <c>https</c> addresses.</param>
    /// <param name="bypassed">
    /// What is reached directly, separated by commas: <c>*</c>, an address, a network (<c>10.0.0.0/8</c>), a domain with its
    /// subdomains (<c>example.com</c>), only its subdomains (<c>.example.com</c>); each with a port or without.
    /// </param>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: a proxy is not an address.</exception>
    public ProxyRules(string? http, string? https, string? bypassed)
    {
        _http = Parse(http);
        _https = Parse(https);
        _bypassed = (bypassed ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var cache = new CredentialCache();
        foreach (Uri proxy in new[] { _http, _https }.OfType<Uri>().Distinct())
        {
            if (proxy.UserInfo.Length > 0)
            {
                string[] parts = proxy.UserInfo.Split(':', 2);
                cache.Add(new Uri(proxy.GetLeftPart(UriPartial.Scheme) + proxy.Authority), "Basic",
                    new NetworkCredential(Uri.UnescapeDataString(parts[0]), Uri.UnescapeDataString(parts.Length > 1 ? parts[1] : "")));
            }
        }

        Credentials = cache;
    }

    /// <inheritdoc/>
    public ICredentials? Credentials { get; set; }

    /// <inheritdoc/>
    public Uri? GetProxy(Uri destination)
    {
        Uri? proxy = destination.Scheme == Uri.UriSchemeHttps ? _https : _http;
        return proxy is null || IsBypassed(destination) ? null : new Uri(proxy.GetLeftPart(UriPartial.Scheme) + proxy.Authority);
    }

    /// <inheritdoc/>
    public bool IsBypassed(Uri host) => Loopback.Is(host) || _bypassed.Any(rule => Matches(rule, host));

    private static bool Matches(string rule, Uri address)
    {
        if (rule == "*")
        {
            return true;
        }

        string host = address.IdnHost.Trim('[', ']');
        if (IPNetwork.TryParse(rule, out IPNetwork network))
        {
            return IPAddress.TryParse(host, out IPAddress? ip) && network.Contains(ip);
        }

        int colon = rule.LastIndexOf(':');
        if (colon > 0 && rule.IndexOf(':', StringComparison.Ordinal) == colon)
        {
            if (rule[(colon + 1)..] != address.Port.ToString(System.Globalization.CultureInfo.InvariantCulture))
            {
                return false;
            }

            rule = rule[..colon];
        }

        rule = rule.StartsWith("*.", StringComparison.Ordinal) ? rule[1..] : rule.Trim('[', ']');
        return rule.StartsWith('.')
            ? host.EndsWith(rule, StringComparison.OrdinalIgnoreCase)
            : string.Equals(host, rule, StringComparison.OrdinalIgnoreCase) || host.EndsWith("." + rule, StringComparison.OrdinalIgnoreCase);
    }

    private static Uri? Parse(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        string address = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        // The text may hold a password, so it is not shown.
        return Uri.TryCreate(address, UriKind.Absolute, out Uri? proxy) && proxy.Scheme is "http" or "https" or "socks4" or "socks4a" or "socks5"
            ? proxy
            : throw new MicaException(ErrorKind.InvalidArgument, "the proxy's address is not of the form [http://]host:port");
    }
}
