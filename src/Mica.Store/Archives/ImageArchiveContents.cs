using System.Collections.Immutable;
using Mica.Oci;

namespace Mica.Store;

/// <summary>All members that an archive of some images will have, with their sizes, before the first of them is written.</summary>
internal sealed class ImageArchiveContents
{
    private const int MaxDepth = 8;

    private readonly IContentSource _source;
    private readonly ImageArchiveWriterOptions _options;
    private readonly Dictionary<Digest, ImmutableArray<Descriptor>> _children = [];
    private readonly List<Descriptor> _layers = [];

    private ImageArchiveContents(IContentSource source, ImageArchiveWriterOptions options)
    {
        _source = source;
        _options = options;
    }

    /// <summary>The members in the order of their names, directories before what is in them.</summary>
    public SortedDictionary<string, Member> Members { get; } = new(StringComparer.Ordinal);

    /// <summary>The layers in the order of the manifests, each once.</summary>
    public IReadOnlyList<Descriptor> Layers => _layers;

    public static async Task<ImageArchiveContents> CollectAsync(
        IContentSource source, IReadOnlyList<ArchivedImage> images, ImageArchiveWriterOptions options, CancellationToken cancellationToken)
    {
        var contents = new ImageArchiveContents(source, options);
        ImmutableArray<NamedImage> named = Merge(images);
        foreach (NamedImage image in named)
        {
            await contents.AddAsync(image.Descriptor, 0, cancellationToken);
        }

        contents.AddDirectories();
        contents.AddIndex(named);
        if (options.Form == ImageArchiveForm.Docker)
        {
            contents.AddDockerManifest(named);
        }

        return contents;
    }

    /// <summary>Every image once, with all its names, in an order that does not depend on that of <paramref name="images"/>.</summary>
    private static ImmutableArray<NamedImage> Merge(IReadOnlyList<ArchivedImage> images)
    {
        NamedImage[] merged =
        [
            .. images.GroupBy(image => image.Descriptor.Digest).Select(same => new NamedImage(
                same.First().Descriptor,
                [.. same.SelectMany(image => image.References)
                    .Select(reference => reference.WithDefaultTag())
                    .Where(reference => reference.Tag is not null)
                    .Select(reference => reference.WithTag(reference.Tag!))
                    .Distinct()
                    .OrderBy(reference => reference.ToString(), StringComparer.Ordinal)],
                [.. same.Select(image => image.Name).OfType<string>().Distinct().Order(StringComparer.Ordinal)])),
        ];
        string? shared = merged.SelectMany(image => image.AllNames.Distinct()).GroupBy(name => name).FirstOrDefault(same => same.Skip(1).Any())?.Key;
        return shared is null
            ? [.. merged.OrderBy(image => image.AllNames.FirstOrDefault(), StringComparer.Ordinal).ThenBy(image => image.Descriptor.Digest.ToString(), StringComparer.Ordinal)]
            : throw new MicaException(ErrorKind.InvalidArgument, $"two images cannot both be named {Printable.Of(shared)} in one archive");
    }

    private async Task AddAsync(Descriptor descriptor, int depth, CancellationToken cancellationToken)
    {
        string name = BlobName(descriptor);
        if (Members.TryGetValue(name, out Member? known))
        {
            if (known.Size != descriptor.Size)
            {
                throw new MicaException(ErrorKind.ContentMismatch, $"{descriptor.Digest} has two sizes: {known.Size} and {descriptor.Size}");
            }

            if (known.Document is not null || !MediaTypes.IsDocument(descriptor.MediaType))
            {
                return;
            }
        }

        if (!MediaTypes.IsDocument(descriptor.MediaType))
        {
            Members.Add(name, new Member { Blob = descriptor });
            if (MediaTypes.IsLayer(descriptor.MediaType))
            {
                _layers.Add(descriptor);
            }

            return;
        }

        if (depth >= MaxDepth)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{descriptor.Digest}: indexes are nested more than {MaxDepth} deep");
        }

        byte[] document = await _source.ReadDocumentAsync(descriptor, cancellationToken);
        ImmutableArray<Descriptor> all = ManifestDocument.Children(document, descriptor.MediaType);
        ImmutableArray<Descriptor> children = [.. all.Where(child => _options.Include?.Invoke(descriptor, child) ?? true)];
        Members[name] = new Member { Document = document };
        // manifest.json cannot show a manifest without some of its layers.
        _children[descriptor.Digest] = MediaTypes.IsManifest(descriptor.MediaType) && children.Length < all.Length ? [] : children;
        foreach (Descriptor child in children)
        {
            await AddAsync(child, depth + 1, cancellationToken);
        }
    }

    private void AddDirectories()
    {
        foreach (string directory in Members.Keys.Select(name => name[..(name.LastIndexOf('/') + 1)]).Distinct().ToArray())
        {
            Members.Add(directory, new Member());
        }

        Members["blobs/"] = new Member();
    }

    private void AddIndex(ImmutableArray<NamedImage> images)
    {
        var entries = new List<Descriptor>();
        foreach (NamedImage image in images)
        {
            entries.AddRange(image.References.Select(reference => OciLayoutFormat.Entry(image.Descriptor, reference.Tag, reference.ToString())));
            entries.AddRange(image.Names.Select(name => OciLayoutFormat.Entry(image.Descriptor, name)));
            if (!image.AllNames.Any())
            {
                entries.Add(OciLayoutFormat.Entry(image.Descriptor, refName: null));
            }
        }

        var index = new ImageIndex { MediaType = MediaTypes.OciIndex, Manifests = [.. entries] };
        Members.Add(OciLayoutFormat.IndexName, new Member { Document = index.ToJson() });
        Members.Add(OciLayoutFormat.MarkerName, new Member { Document = OciLayoutFormat.Marker.ToArray() });
    }

    private void AddDockerManifest(ImmutableArray<NamedImage> images)
    {
        var items = new List<DockerArchiveItem>();
        var repositories = new SortedDictionary<string, SortedDictionary<string, string>>(StringComparer.Ordinal);
        foreach (NamedImage image in images)
        {
            if (Choose(image.Descriptor) is not [var config, .. var layers])
            {
                // An artifact: only the layout can hold it.
                continue;
            }

            items.Add(new DockerArchiveItem
            {
                Config = BlobName(config),
                RepoTags = image.References.IsEmpty ? null : [.. image.References.Select(reference => reference.Familiar)],
                Layers = [.. layers.Select(BlobName)],
            });
            foreach (ImageReference reference in layers.Length == 0 ? [] : image.References)
            {
                repositories.TryAdd(reference.FamiliarName, new(StringComparer.Ordinal));
                repositories[reference.FamiliarName][reference.Tag!] = layers[^1].Digest.Hex;
            }
        }

        Members.Add(DockerArchiveJson.ManifestName, new Member { Document = DockerArchiveJson.Write([.. items]) });
        if (repositories.Count > 0)
        {
            Members.Add(DockerArchiveJson.RepositoriesName, new Member { Document = DockerArchiveJson.Write(repositories) });
        }
    }

    /// <summary>Config and layers of the manifest that <c>manifest.json</c> shows: the one that runs here, else the first image.</summary>
    private Descriptor[] Choose(Descriptor descriptor)
    {
        if (!_children.TryGetValue(descriptor.Digest, out ImmutableArray<Descriptor> children))
        {
            return [];
        }

        if (MediaTypes.IsManifest(descriptor.MediaType))
        {
            return children.Length > 0 && MediaTypes.IsConfig(children[0].MediaType) ? [.. children] : [];
        }

        Descriptor? best = new ImageIndex { Manifests = children }.Select(_options.Platform);
        return children.OrderByDescending(child => child.Digest == best?.Digest).Select(Choose).FirstOrDefault(chosen => chosen.Length > 0) ?? [];
    }

    private static string BlobName(Descriptor descriptor) => $"blobs/{descriptor.Digest.Algorithm}/{descriptor.Digest.Hex}";

    private sealed record NamedImage(Descriptor Descriptor, ImmutableArray<ImageReference> References, ImmutableArray<string> Names)
    {
        public IEnumerable<string> AllNames => References.Select(reference => reference.ToString()).Concat(Names);
    }

    /// <summary>A document in memory, a blob at the source, or neither: a directory.</summary>
    internal sealed record Member
    {
        public byte[]? Document { get; init; }

        public Descriptor? Blob { get; init; }

        public long Size => Document?.Length ?? Blob?.Size ?? 0;
    }
}
