using System.Net;
using System.Net.Sockets;
using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Access;

/// <summary>How many requests one client may make: by its name, or by its address as long as it has none.</summary>
internal sealed class RequestLimits
{
    /// <summary>Seconds' worth of requests that come at once when nothing else is said: a pull of many layers is a burst.</summary>
    private const int DefaultBurst = 10;

    private readonly TokenBuckets? _buckets;

    public RequestLimits(RateLimitOptions options, TimeProvider time)
    {
        if (options.RequestsPerSecond > 0)
        {
            int burst = options.Burst > 0 ? options.Burst : options.RequestsPerSecond * DefaultBurst;
            _buckets = new TokenBuckets(options.RequestsPerSecond, burst, time);
        }
    }

    /// <exception cref="RefusedException">The client has made too many.</exception>
    public void Take(Principal principal, HttpContext context)
    {
        if (_buckets?.Take(principal.IsAnonymous ? AddressOf(context) : $"{principal.Kind}/{principal.Name}") is { } wait)
        {
            throw new RefusedException(ErrorCode.TooManyRequests, "too many requests") { RetryAfter = wait };
        }
    }

    /// <summary>
    /// What stands for a client's address: of IPv6 the network, since a host has all of it; of IPv4 within IPv6 the former.
    /// </summary>
    public static string AddressOf(HttpContext context)
    {
        IPAddress? address = context.Connection.RemoteIpAddress;
        if (address is null)
        {
            return "unknown";
        }

        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address.ToString();
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[8..].Clear();
        return $"{new IPAddress(bytes)}/64";
    }
}

/// <summary>How often an address may be wrong about a password in a minute.</summary>
internal sealed class FailedLogins(int perMinute, TimeProvider time)
{
    private readonly TokenBuckets? _buckets = perMinute > 0 ? new TokenBuckets(perMinute / 60.0, perMinute, time) : null;

    /// <exception cref="RefusedException">The address has been wrong too often.</exception>
    public void Take(string address)
    {
        if (_buckets?.Take(address) is { } wait)
        {
            throw new RefusedException(ErrorCode.TooManyRequests, "too many failed logins from this address") { RetryAfter = wait };
        }
    }

    public void GiveBack(string address) => _buckets?.GiveBack(address);
}
