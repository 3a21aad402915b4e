using System.Collections.Immutable;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>
/// Finds out which of the forms an archive has, and what images are in it: an OCI layout, <c>manifest.json</c>, both of them (docker
/// since 25), or <c>repositories</c>.
/// </summary>
internal sealed class ImageArchiveReading
{
    private readonly SafeFileHandle _file;
    private readonly string _displayName;
    private readonly ArchiveMembers _members;
    private readonly DockerArchive _docker;

    private ImageArchiveReading(SafeFileHandle file, string displayName, CancellationToken cancellationToken)
    {
        _file = file;
        _displayName = displayName;
        _members = ArchiveMembers.Read(file, displayName, cancellationToken);
        _docker = new DockerArchive(_members, displayName, cancellationToken);
    }

    public static ImageArchive Read(SafeFileHandle file, string displayName, CancellationToken cancellationToken)
    {
        var reading = new ImageArchiveReading(file, displayName, cancellationToken);
        ImmutableArray<ListedImage> images = ImageListing.Group(reading.List());
        return new ImageArchive(reading._file, reading._members, reading._docker, images, displayName);
    }

    private IEnumerable<(Descriptor Descriptor, IEnumerable<string> Names)> List()
    {
        byte[]? index = _members.ReadDocument(OciLayoutFormat.IndexName);
        byte[]? manifest = _members.ReadDocument(DockerArchiveJson.ManifestName);
        ImmutableArray<DockerArchiveItem> items = manifest is null ? [] : DockerArchiveJson.ParseManifest(manifest, _displayName);
        if (index is not null && _members.ReadDocument(OciLayoutFormat.MarkerName) is { } marker)
        {
            OciLayoutFormat.CheckMarker(marker, _displayName);
            return ListLayout(OciLayoutFormat.Parse(index, _displayName), items);
        }

        if (manifest is not null)
        {
            return items.Select(_docker.Add);
        }

        byte[] repositories = _members.ReadDocument(DockerArchiveJson.RepositoriesName) ?? throw new MicaException(ErrorKind.ContentMismatch,
            $"{_displayName}: not an archive of images: there is no {OciLayoutFormat.IndexName}, {DockerArchiveJson.ManifestName} or {DockerArchiveJson.RepositoriesName} in it");
        return new LegacyArchive(_members, _docker, _displayName).Read(DockerArchiveJson.ParseRepositories(repositories, _displayName));
    }

    /// <summary>
    /// The layout's images, with the names that <c>manifest.json</c> gives them. What only <c>manifest.json</c> has is added: docker
    /// leaves an image without a name out of the index, and docker 25.0 wrote manifests without layers.
    /// </summary>
    private List<(Descriptor Descriptor, IEnumerable<string> Names)> ListLayout(ImageIndex index, ImmutableArray<DockerArchiveItem> items)
    {
        List<(Descriptor Descriptor, IEnumerable<string> Names)> listed =
            [.. OciLayoutFormat.List(index).Select(image => (image.Descriptor, (IEnumerable<string>)image.Names))];
        Dictionary<Digest, (int Listed, int Layers)> byConfig = items.IsEmpty ? [] : FindConfigs(listed.Select(image => image.Descriptor));
        foreach (DockerArchiveItem item in items)
        {
            if (!byConfig.TryGetValue(ConfigDigest(item), out (int Listed, int Layers) found))
            {
                listed.Add(_docker.Add(item));
                continue;
            }

            (Descriptor descriptor, IEnumerable<string> names) = listed[found.Listed];
            bool lacksLayers = MediaTypes.IsManifest(descriptor.MediaType) && found.Layers != (item.Layers?.Length ?? 0);
            descriptor = lacksLayers ? _docker.Add(item).Manifest : descriptor;
            // The index says the same names in full, if it says any at all.
            names = HasReference(names) ? names : [.. item.RepoTags ?? [], .. names];
            listed[found.Listed] = (descriptor, names);
        }

        return listed;
    }

    private static bool HasReference(IEnumerable<string> names) => names.Any(name => name.AsSpan().IndexOfAny('/', ':') >= 0);

    private Digest ConfigDigest(DockerArchiveItem item) => Digest.Of(_members.ReadDocument(item.Config) ?? throw new MicaException(
        ErrorKind.ContentMismatch, $"{_displayName}: {Printable.Of(item.Config)}, the config of an image, is not in the archive"));

    /// <summary>The configs of the manifests at and below the descriptors, each with the position of its descriptor.</summary>
    private Dictionary<Digest, (int Listed, int Layers)> FindConfigs(IEnumerable<Descriptor> descriptors)
    {
        var found = new Dictionary<Digest, (int Listed, int Layers)>();
        var seen = new HashSet<Digest>();
        var waiting = new Stack<(Descriptor Descriptor, int Listed)>(descriptors.Select((descriptor, position) => (descriptor, position)));
        while (waiting.TryPop(out (Descriptor Descriptor, int Listed) next))
        {
            Descriptor descriptor = next.Descriptor;
            if (!MediaTypes.IsDocument(descriptor.MediaType) || !seen.Add(descriptor.Digest)
                || _members.ReadDocument($"blobs/{descriptor.Digest.Algorithm}/{descriptor.Digest.Hex}") is not { } json)
            {
                continue;
            }

            if (MediaTypes.IsIndex(descriptor.MediaType))
            {
                foreach (Descriptor child in ImageIndex.Parse(json, descriptor.MediaType).Manifests)
                {
                    waiting.Push((child, next.Listed));
                }
            }
            else
            {
                ImageManifest manifest = ImageManifest.Parse(json, descriptor.MediaType);
                found.TryAdd(manifest.Config.Digest, (next.Listed, manifest.Layers.Length));
            }
        }

        return found;
    }
}
