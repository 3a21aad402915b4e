using System.Collections.Immutable;
using Mica.Cli.Building;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Containers;

/// <summary><c>--network NAME</c> or <c>--network name=NAME,alias=…,ip=…</c>, several times.</summary>
internal static class NetworkFlag
{
    /// <param name="given">The values of the option.</param>
    /// <param name="first">What the options beside it say of the first network.</param>
    public static ContainerNetworking Read(string[] given, EndpointDefinition first)
    {
        var endpoints = ImmutableSortedDictionary.CreateBuilder<string, EndpointDefinition>(StringComparer.Ordinal);
        string mode = "bridge";
        for (int i = 0; i < Math.Max(given.Length, 1); i++)
        {
            (string name, EndpointDefinition endpoint) = given.Length == 0 ? ("bridge", first) : Parse(given[i], i == 0 ? first : new EndpointDefinition());
            mode = i == 0 ? name : mode;
            bool isSpecial = name is "host" or "none" || name.StartsWith("container:", StringComparison.Ordinal);
            if (isSpecial && given.Length > 1)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"conflicting options: cannot attach both user-defined and non-user-defined network-modes ({Printable.Of(name)})");
            }

            if (!isSpecial)
            {
                endpoints[name] = endpoint;
            }
        }

        return new ContainerNetworking { Mode = mode, Endpoints = endpoints.ToImmutable() };
    }

    private static (string Name, EndpointDefinition Endpoint) Parse(string text, EndpointDefinition given)
    {
        if (!text.Contains("name=", StringComparison.Ordinal))
        {
            return (text is "default" or "" ? "bridge" : text, given);
        }

        var fields = FlagFields.Parse(text, "network");
        string name = fields.Take("name") ?? throw fields.Invalid("it has no name");
        List<string> aliases = [.. given.Aliases];
        while (fields.Take("alias") is { } alias)
        {
            aliases.Add(alias);
        }

        EndpointDefinition endpoint = given with
        {
            Aliases = [.. aliases],
            Address = fields.Take("ip") ?? given.Address,
            Address6 = fields.Take("ip6") ?? given.Address6,
            MacAddress = fields.Take("mac-address") ?? given.MacAddress,
        };
        fields.RequireEmpty();
        return (name, endpoint);
    }
}
