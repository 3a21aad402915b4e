using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mica.Runtime;

/// <summary>What netavark is told about one container on a bridge. netavark(1); it names members like this.</summary>
internal sealed record NetavarkConfig(
    [property: JsonPropertyName("container_id")] string ContainerId,
    [property: JsonPropertyName("container_name")] string ContainerName,
    [property: JsonPropertyName("networks")] Dictionary<string, NetavarkMembership> Networks,
    [property: JsonPropertyName("network_info")] Dictionary<string, NetavarkNetwork> NetworkInfo);

internal sealed record NetavarkMembership(
    [property: JsonPropertyName("static_ips")] IReadOnlyList<string> StaticIps,
    [property: JsonPropertyName("interface_name")] string InterfaceName);

internal sealed record NetavarkNetwork(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("driver")] string Driver,
    [property: JsonPropertyName("network_interface")] string NetworkInterface,
    [property: JsonPropertyName("subnets")] IReadOnlyList<NetavarkSubnet> Subnets,
    [property: JsonPropertyName("ipv6_enabled")] bool Ipv6Enabled,
    [property: JsonPropertyName("internal")] bool Internal,
    [property: JsonPropertyName("dns_enabled")] bool DnsEnabled,
    [property: JsonPropertyName("ipam_options")] Dictionary<string, string> IpamOptions);

internal sealed record NetavarkSubnet(
    [property: JsonPropertyName("subnet")] string Subnet,
    [property: JsonPropertyName("gateway")] string Gateway);

[JsonSerializable(typeof(NetavarkConfig))]
internal sealed partial class NetavarkContext : JsonSerializerContext
{
    public static byte[] Write(NetavarkConfig config) => JsonSerializer.SerializeToUtf8Bytes(config, Default.NetavarkConfig);
}
