using System.Collections.Immutable;
using Mica.Oci;
using Mica.Registry;
using Mica.RegistryServer.Manifests;

namespace Mica.RegistryServer.Upstream;

/// <summary>What one entry of the options asks for: repositories of one registry, where they go, and when.</summary>
internal sealed class SyncJob : IAsyncDisposable
{
    private readonly SyncOptions _options;
    private readonly RegistryAddress _address;
    private readonly RegistryClient _client;
    private readonly ImmutableArray<NamePattern> _tags;

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: the options cannot be.</exception>
    public SyncJob(SyncOptions options, RegistryClientOptions client, TimeProvider time)
    {
        _options = options;
        _address = RegistryAddress.Parse(options.Registry);
        Repositories = [.. options.Repositories.Select(Repository)];
        _client = _address.Connect(client, options.User, options.PasswordFile, time);
        _tags = [.. options.Tags.Select(NamePattern.Parse)];
    }

    public string Host => _address.Host;

    public TimeSpan Interval => _options.Interval;

    /// <summary>The repositories, and their names here.</summary>
    public ImmutableArray<(ImageReference Remote, string Name)> Repositories { get; }

    /// <summary>When it is to run again, in Unix milliseconds.</summary>
    public long Next { get; set; }

    /// <summary>When images that did not change are to be looked at for what refers to them, in Unix milliseconds.</summary>
    public long NextReferrers { get; set; }

    public bool Wants(string tag) => _tags.Any(pattern => pattern.Matches(tag));

    public RegistryRepository Open(ImageReference remote) => _client.Repository(remote, progress: null);

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    private (ImageReference Remote, string Name) Repository(string text)
    {
        ImageReference remote = _address.Find(text)
            ?? throw new MicaException(
                ErrorKind.InvalidArgument, $"sync of {_address.Host}: \"{Printable.Of(text)}\" is not the name of a repository");
        string name = _options.Prefix.Length == 0 ? remote.Path : $"{_options.Prefix}/{remote.Path}";
        return Protocol.Route.IsName(name) ? (remote, name)
            : throw new MicaException(
                ErrorKind.InvalidArgument, $"sync of {_address.Host}: \"{Printable.Of(name)}\" cannot be the name of a repository here");
    }
}
