using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// What an entry of a credential file is for: a registry, or the part of it below a path. The spellings that clients have
/// used over time (<c>https://index.docker.io/v1/</c>, <c>index.docker.io</c>, <c>https://ghcr.io</c>, …) are equal keys.
/// </summary>
internal readonly record struct CredentialKey(string Host, string Path)
{
    /// <summary>How docker writes the key of Docker Hub, in files and to helpers.</summary>
    public const string HubText = "https://index.docker.io/v1/";

    /// <summary>The key for <paramref name="path"/> (may be empty) in the registry at <paramref name="host"/>.</summary>
    public static CredentialKey Of(string host, string path)
    {
        host = host.ToLowerInvariant();
        return new(IsHub(host) ? ImageReference.DefaultDomain : host, path.Trim('/'));
    }

    /// <summary>Reads the key of an entry. Any text has a key; one that names no registry matches nothing.</summary>
    public static CredentialKey Parse(string text)
    {
        int scheme = text.IndexOf("://", StringComparison.Ordinal);
        string rest = scheme < 0 ? text : text[(scheme + 3)..];
        int slash = rest.IndexOf('/', StringComparison.Ordinal);
        string host = slash < 0 ? rest : rest[..slash];
        string path = slash < 0 ? "" : rest[(slash + 1)..];

        // v1/ and v2/ are the API's root, left over from the days when keys were URLs; only without URL dress can v2 be a repository.
        bool root = path.Trim('/') is "v1" or "v2" && (path[^1] == '/' || scheme >= 0 || IsHub(host.ToLowerInvariant()));
        return Of(host, root ? "" : path);
    }

    /// <summary>Reads what a user logs in to.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: it names no registry.</exception>
    public static CredentialKey ParseRegistry(string text)
    {
        CredentialKey key = Parse(text);
        string probe = key.Path.Length == 0 ? "x" : key.Path;
        return ImageReference.TryParse($"{key.Host}/{probe}", out ImageReference? reference)
            && reference.Domain == key.Host && reference.Tag is null && reference.Digest is null
            ? key
            : throw new MicaException(ErrorKind.InvalidArgument, $"\"{Printable.Of(text)}\" is not a registry: write host[:port] or host[:port]/path");
    }

    /// <summary>Whether an entry with this key is meant for <paramref name="repository"/>: the same registry, and the same path or one above.</summary>
    public bool Covers(CredentialKey repository) => Host == repository.Host
        && (Path.Length == 0 || repository.Path == Path
            || (repository.Path.StartsWith(Path, StringComparison.Ordinal) && repository.Path[Path.Length] == '/'));

    /// <summary><c>host[/path]</c>, the form of containers' files.</summary>
    public override string ToString() => Path.Length == 0 ? Host : $"{Host}/{Path}";

    /// <summary>The form of docker's files, which is also the server that helpers are asked for.</summary>
    public string ToDockerText() => Host == ImageReference.DefaultDomain && Path.Length == 0 ? HubText : ToString();

    private static bool IsHub(string host) => host is ImageReference.DefaultDomain or "index.docker.io" or DirectRouting.DockerHubHost;
}
