using System.Collections.Immutable;
using System.Net;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// What docker's <c>daemon.json</c> says about registries: mirrors of Docker Hub, and registries without (good)
/// certificates. docs.docker.com, dockerd, "Daemon configuration file".
/// </summary>
internal sealed class DockerDaemonFile
{
    private readonly ImmutableArray<AddressRange> _insecureRanges;
    private readonly ImmutableArray<string> _insecureHosts;

    private DockerDaemonFile(ImmutableArray<Uri> mirrors, ImmutableArray<string> insecure)
    {
        Mirrors = mirrors;
        _insecureRanges = [.. insecure.Select(each => AddressRange.TryParse(each, out AddressRange range) ? range : (AddressRange?)null).OfType<AddressRange>()];
        _insecureHosts = [.. insecure.Where(each => !each.Contains('/', StringComparison.Ordinal))];
    }

    /// <summary>Nothing is configured.</summary>
    public static DockerDaemonFile None { get; } = new([], []);

    /// <summary>Scheme and host, no path.</summary>
    public ImmutableArray<Uri> Mirrors { get; }

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: malformed.</exception>
    public static DockerDaemonFile Parse(string path, byte[] json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json.AsSpan().Trim(" \t\r\n"u8).IsEmpty ? "{}"u8.ToArray() : json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new DockerDaemonFile(
                    [.. Texts(document.RootElement, path, "registry-mirrors").Select(text => ParseMirror(path, text))],
                    Texts(document.RootElement, path, "insecure-registries"))
                : throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: not a JSON object");
        }
        catch (JsonException error)
        {
            // Without the inner exception, which quotes the content: proxies with passwords are configured here, too.
            throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: malformed JSON at line {error.LineNumber + 1}");
        }
        catch (InvalidOperationException)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: malformed JSON: a string that is not Unicode text");
        }
    }

    /// <summary>Whether plain http and untrusted certificates will do for the registry <paramref name="host"/> (with its port).</summary>
    public bool IsInsecure(string host)
    {
        if (_insecureHosts.Contains(host, StringComparer.OrdinalIgnoreCase))
        {
            return true;
        }

        int port = host.LastIndexOf(':');
        string name = port > host.LastIndexOf(']') ? host[..port] : host;
        return IPAddress.TryParse(name.Trim('[', ']'), out IPAddress? address) && _insecureRanges.Any(range => range.Contains(address));
    }

    private static ImmutableArray<string> Texts(JsonElement root, string path, string name)
    {
        if (!root.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return [];
        }

        return value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(item => item.GetString()!)]
            : throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: {name} is not an array of strings");
    }

    private static Uri ParseMirror(string path, string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"
        && uri is { AbsolutePath: "/", Query: "", Fragment: "", UserInfo: "" }
            ? uri
            : throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: a registry mirror is not http(s)://host[:port]");
}
