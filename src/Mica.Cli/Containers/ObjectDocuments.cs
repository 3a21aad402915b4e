using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mica.Cli.Rendering;
using Mica.Engine;

namespace Mica.Cli.Containers;

/// <summary>Volumes and networks as docker's <c>inspect</c> shows them.</summary>
internal static class ObjectDocuments
{
    public static byte[] Of(Volume volume) => Write(writer =>
    {
        writer.WriteString("CreatedAt"u8, HumanTime.Rfc3339Nano(volume.Created));
        writer.WriteString("Driver"u8, "local");
        Map(writer, "Labels", volume.Labels);
        writer.WriteString("Mountpoint"u8, volume.Directory);
        writer.WriteString("Name"u8, volume.Name);
        Map(writer, "Options", volume.Options);
        writer.WriteString("Scope"u8, "local");
    });

    public static byte[] Of(Network network, IEnumerable<Container> users) => Write(writer =>
    {
        writer.WriteString("Name"u8, network.Name);
        writer.WriteString("Id"u8, network.Id);
        writer.WriteString("Created"u8, HumanTime.Rfc3339Nano(network.Created));
        writer.WriteString("Scope"u8, "local");
        writer.WriteString("Driver"u8, network.Driver);
        writer.WriteBoolean("EnableIPv6"u8, false);
        writer.WriteStartObject("IPAM"u8);
        writer.WriteString("Driver"u8, "default");
        writer.WriteStartArray("Config"u8);
        if (network.Subnet.Length > 0)
        {
            writer.WriteStartObject();
            writer.WriteString("Subnet"u8, network.Subnet);
            if (network.Range.Length > 0)
            {
                writer.WriteString("IPRange"u8, network.Range);
            }

            writer.WriteString("Gateway"u8, network.Gateway);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteBoolean("Internal"u8, network.IsInternal);
        writer.WriteStartObject("Containers"u8);
        foreach (Container container in users)
        {
            if (container.State.Endpoints.FirstOrDefault(endpoint => endpoint.Network == network.Name) is { } endpoint)
            {
                writer.WriteStartObject(container.Id);
                writer.WriteString("Name"u8, container.Name);
                writer.WriteString("MacAddress"u8, endpoint.MacAddress);
                writer.WriteString("IPv4Address"u8, endpoint.Address);
                writer.WriteEndObject();
            }
        }

        writer.WriteEndObject();
        Map(writer, "Options", network.Interface.Length == 0 ? network.Options : network.Options.SetItem("com.docker.network.bridge.name", network.Interface));
        Map(writer, "Labels", network.Labels);
    });

    private static byte[] Write(Action<Utf8JsonWriter> fill)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            fill(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Map(Utf8JsonWriter writer, string name, IReadOnlyDictionary<string, string> values)
    {
        writer.WriteStartObject(name);
        foreach ((string key, string value) in values)
        {
            writer.WriteString(key, value);
        }

        writer.WriteEndObject();
    }
}
