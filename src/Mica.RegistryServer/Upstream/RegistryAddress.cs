using Mica.Oci;
using Mica.Registry;

namespace Mica.RegistryServer.Upstream;

/// <summary>A registry as the options name it: <c>docker.io</c>, <c>registry.example:5000</c> or <c>http://127.0.0.1:5050</c>.</summary>
/// <param name="Host">Host and port as users write it.</param>
/// <param name="Address">Where it really is.</param>
internal sealed record RegistryAddress(string Host, Uri Address) : IRegistryRouting
{
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: it names no registry.</exception>
    public static RegistryAddress Parse(string text)
    {
        (string host, bool isPlain) = text.StartsWith("http://", StringComparison.Ordinal) ? (text["http://".Length..], true)
            : text.StartsWith("https://", StringComparison.Ordinal) ? (text["https://".Length..], false)
            : (text, false);
        host = host.TrimEnd('/').ToLowerInvariant();
        if (host.Length > 0 && host.IndexOfAny(['.', ':']) < 0 && host != "localhost")
        {
            // A single word is taken for a part of a path elsewhere.
            host += isPlain ? ":80" : ":443";
        }

        if (!ImageReference.TryParse($"{host}/any/name", out ImageReference? reference) || reference.Domain != host
            || reference.Path != "any/name" || reference.Tag is not null || reference.Digest is not null)
        {
            throw new MicaException(
                ErrorKind.InvalidArgument,
                $"\"{Printable.Of(text)}\" is not a registry: write host[:port], with http:// before it for plain http");
        }

        Uri address = DirectRouting.EndpointOf(host, "any/name", insecure: false).BaseAddress;
        int port = address.IsDefaultPort ? 80 : address.Port;
        return new RegistryAddress(host, isPlain ? new UriBuilder(address) { Scheme = "http", Port = port }.Uri : address);
    }

    /// <summary>The repository of that name; null when no repository can be called so.</summary>
    public ImageReference? Find(string name) =>
        ImageReference.TryParse($"{Host}/{name}", out ImageReference? reference) && reference.Domain == Host
            && reference.Tag is null && reference.Digest is null
            ? reference
            : null;

    public IReadOnlyList<RegistryEndpoint> Endpoints(ImageReference reference, bool forPush) =>
        [new RegistryEndpoint { BaseAddress = Address, Host = Host, RepositoryPath = reference.Path }];

    /// <summary>A client that asks this registry alone, as one user or as nobody.</summary>
    public RegistryClient Connect(RegistryClientOptions options, string? user, string? passwordFile, TimeProvider time)
    {
        if ((user is null) != (passwordFile is null))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"{Host}: a user needs a password file, and the other way round");
        }

        return new RegistryClient(options with
        {
            Credentials = user is null ? null : new FileCredential(user, passwordFile!),
            Routing = this,
            Time = time,
        });
    }

    public override string ToString() => Host;
}

/// <summary>A user whose password is in a file, which is read each time, so that a new one needs no restart.</summary>
internal sealed class FileCredential(string user, string passwordFile) : ICredentialSource
{
    public async ValueTask<Credential?> FindAsync(string registryHost, string repositoryPath, CancellationToken cancellationToken)
    {
        try
        {
            string password = (await File.ReadAllTextAsync(passwordFile, cancellationToken)).TrimEnd('\r', '\n');
            return new Credential { Username = user, Password = password, Origin = passwordFile };
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.Failed, $"{registryHost}: the password file {passwordFile} cannot be read", error);
        }
    }
}
