using System.Collections.Immutable;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mica.Runtime;

namespace Mica.Engine;

/// <summary>What connects containers.</summary>
/// <param name="Id">64 hexadecimal digits.</param>
/// <param name="Name">Its name.</param>
/// <param name="Created">When it was made.</param>
/// <param name="Driver"><c>bridge</c>, <c>host</c> or <c>null</c>.</param>
public sealed record Network(string Id, string Name, DateTimeOffset Created, string Driver)
{
    /// <summary>The addresses of its containers; empty without a bridge.</summary>
    public string Subnet { get; init; } = "";

    /// <summary>The machine's own address in it.</summary>
    public string Gateway { get; init; } = "";

    /// <summary>The addresses that are given out; empty: the whole subnet.</summary>
    public string Range { get; init; } = "";

    /// <summary>There is no way out of it.</summary>
    public bool IsInternal { get; init; }

    /// <summary>Containers find each other by name in it: in all networks but the default one.</summary>
    public bool HasNames { get; init; }

    /// <summary>The bridge's name on the machine.</summary>
    public string Interface { get; init; } = "";

    /// <summary>Free-form text.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>As given: <c>com.docker.network.driver.mtu</c> and the like.</summary>
    public ImmutableSortedDictionary<string, string> Options { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>There is always one: <c>bridge</c>, <c>host</c>, <c>none</c>.</summary>
    public bool IsPredefined { get; init; }

    internal BridgeDefinition ToBridge() => new(Interface, IPNetwork.Parse(Subnet), IPAddress.Parse(Gateway))
    {
        IsInternal = IsInternal,
        Range = Range.Length > 0 ? IPNetwork.Parse(Range) : null,
        Mtu = Options.TryGetValue("com.docker.network.driver.mtu", out string? mtu) && int.TryParse(mtu, out int bytes) ? bytes : null,
    };
}

/// <summary>What a network shall be.</summary>
/// <param name="Name">Its name.</param>
public sealed record NetworkOptions(string Name)
{
    /// <summary><c>bridge</c>.</summary>
    public string Driver { get; init; } = "bridge";

    /// <summary>Null: one that is free.</summary>
    public string? Subnet { get; init; }

    /// <summary>Null: the first of the subnet.</summary>
    public string? Gateway { get; init; }

    /// <summary>Null: the whole subnet.</summary>
    public string? Range { get; init; }

    /// <summary>There is no way out.</summary>
    public bool IsInternal { get; init; }

    /// <summary>Free-form text.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Of the driver.</summary>
    public ImmutableSortedDictionary<string, string> Options { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Network))]
internal sealed partial class NetworkJson : JsonSerializerContext
{
    public static string Write(Network network) => JsonSerializer.Serialize(network, Default.Network);

    public static Network Read(string json) => JsonSerializer.Deserialize(json, Default.Network)!;
}
