using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>
/// What <c>registries.conf</c> (version 2) says: mirrors and other locations of registries and of parts of them, which are
/// insecure, and which are blocked. Of all tables, only the one with the longest prefix of a name counts. Mirrors and
/// locations are for pulls; a push goes to the registry in the name. containers-registries.conf(5).
/// </summary>
/// <remarks>
/// A short name means one of <c>docker.io</c>, as with docker, unless there is an alias for it:
/// <c>unqualified-search-registries</c> and <c>short-name-mode</c> do not change what a name means.
/// </remarks>
public sealed class RegistriesConfiguration : IRegistryRouting
{
    private readonly ImmutableArray<RegistryTable> _registries;
    private readonly ImmutableDictionary<string, string> _aliases;
    private readonly ImmutableArray<string> _searchRegistries;
    private readonly DockerDaemonFile _docker;
    private readonly IProgress<ProgressEvent>? _progress;

    private RegistriesConfiguration(RegistriesReader reader, DockerDaemonFile docker, IProgress<ProgressEvent>? progress)
    {
        _registries = [.. reader.Registries.Values];
        _aliases = reader.Aliases.ToImmutableDictionary();
        _searchRegistries = reader.SearchRegistries;
        _docker = docker;
        _progress = progress;
    }

    /// <summary>
    /// Reads the files, each of which may be missing but the explicit one. Keys that are not understood are skipped, with one
    /// <see cref="Notice"/> for all.
    /// </summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.InvalidArgument"/>: malformed, with file and line; <see cref="ErrorKind.NotFound"/>: the explicit file
    /// does not exist; or a file cannot be read.
    /// </exception>
    public static RegistriesConfiguration Load(RegistriesLocations locations, IProgress<ProgressEvent>? progress)
    {
        var reader = new RegistriesReader();
        foreach (string path in locations.ListFiles())
        {
            if (ConfigurationFile.Read(path) is { } content)
            {
                reader.Read(path, content);
            }
            else if (path == locations.ExplicitFile)
            {
                throw new MicaException(ErrorKind.NotFound, $"{Printable.Of(path)}: no such file");
            }
        }

        if (reader.Unknown.Count > 0)
        {
            progress?.Report(new Notice($"registries.conf has keys that are not used: {string.Join(", ", reader.Unknown)}"));
        }

        DockerDaemonFile docker = locations.DockerDaemonFile is { } daemon && ConfigurationFile.Read(daemon) is { } json
            ? DockerDaemonFile.Parse(daemon, json)
            : DockerDaemonFile.None;
        return new RegistriesConfiguration(reader, docker, progress);
    }

    /// <inheritdoc/>
    public IReadOnlyList<RegistryEndpoint> Endpoints(ImageReference reference, bool forPush)
    {
        RegistryTable? table = _registries.Where(each => each.Match(reference) != default).MaxBy(each => each.Match(reference));
        if (table is { Blocked: true })
        {
            throw new MicaException(ErrorKind.PermissionDenied, $"{reference.Name}: the registry is blocked ({table.Origin})");
        }

        List<RegistryEndpoint> endpoints = [];
        if (forPush || table is null)
        {
            if (!forPush && reference.Domain == ImageReference.DefaultDomain)
            {
                endpoints.AddRange(_docker.Mirrors.Select(mirror => DockerMirror(mirror, reference)));
            }

            endpoints.Add(DirectRouting.EndpointOf(reference.Domain, reference.Path, table is { Insecure: true }));
        }
        else
        {
            endpoints.AddRange(table.Mirrors.Where(mirror => mirror.Serves(reference)).Select(mirror => table.Mirror(reference, mirror)));
            endpoints.Add(table.Primary(reference));
        }

        return [.. endpoints.Select(endpoint => _docker.IsInsecure(endpoint.Host) ? endpoint with { Insecure = true } : endpoint)];
    }

    /// <summary>
    /// Parses a name that a user typed, as <see cref="ImageReference.Parse"/> does, with the aliases applied: one for
    /// <c>debian</c> is used for <c>debian:12</c>, too.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a reference.</exception>
    public ImageReference ParseReference(string text)
    {
        var reference = ImageReference.Parse(text);
        if (!ShortName.IsShort(text))
        {
            return reference;
        }

        (string name, string suffix) = ShortName.Split(text);
        if (_aliases.TryGetValue(name, out string? target))
        {
            return ImageReference.Parse(target + suffix);
        }

        if (_searchRegistries is [not ImageReference.DefaultDomain, ..])
        {
            _progress?.Report(new Notice($"{text} means {reference}: short names are those of docker.io, whatever unqualified-search-registries says"));
        }

        return reference;
    }

    private static RegistryEndpoint DockerMirror(Uri mirror, ImageReference reference) => new()
    {
        BaseAddress = mirror,
        Host = mirror.Authority,
        RepositoryPath = reference.Path,
        IsMirror = true,
        Insecure = mirror.Scheme == Uri.UriSchemeHttp,
    };
}
