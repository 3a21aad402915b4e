using System.Collections.Immutable;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>
/// A directory that is an OCI image layout: <c>oci-layout</c>, <c>index.json</c>, <c>blobs/ALG/HEX</c>. Names are the
/// <c>org.opencontainers.image.ref.name</c> of the entries of <c>index.json</c>; a name that moves takes its entry along, and the
/// blobs of the former image stay. Any number of processes write to one layout at once: blobs are renamed into place, and
/// <c>index.json</c> is rewritten under a lock. Nothing is followed out of the directory. OCI image-spec v1.1, image-layout.md.
/// </summary>
public sealed class OciLayout : IImageListing, IResumableSource, IContentTarget
{
    private readonly LayoutDirectory _files;

    private OciLayout(LayoutDirectory files, string displayName)
    {
        _files = files;
        DisplayName = displayName;
    }

    /// <inheritdoc/>
    public string DisplayName { get; }

    /// <summary>Opens a layout that exists.</summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.NotFound"/>: there is no layout. <see cref="ErrorKind.Unsupported"/>: it is of another version.
    /// </exception>
    public static async Task<OciLayout> OpenAsync(string directory, CancellationToken cancellationToken)
    {
        string displayName = $"oci:{Printable.Of(directory)}";
        var files = new LayoutDirectory(directory, displayName);
        byte[] marker = await files.ReadAsync(OciLayoutFormat.MarkerName, OciLayoutFormat.MaxMarkerSize, cancellationToken)
            ?? throw new MicaException(ErrorKind.NotFound, Directory.Exists(directory)
                ? $"{displayName}: not an OCI image layout: there is no oci-layout in it"
                : $"{displayName}: no such directory");
        OciLayoutFormat.CheckMarker(marker, displayName);
        return new OciLayout(files, displayName);
    }

    /// <summary>Opens a layout to write to it; makes it, and the directory, when they are not there.</summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.AlreadyExists"/>: the directory holds other files. <see cref="ErrorKind.Unsupported"/>: it is a
    /// layout of another version.
    /// </exception>
    public static async Task<OciLayout> CreateAsync(string directory, CancellationToken cancellationToken)
    {
        string displayName = $"oci:{Printable.Of(directory)}";
        var files = new LayoutDirectory(directory, displayName);
        files.Prepare();
        using (await files.LockAsync(cancellationToken))
        {
            if (!files.Exists(OciLayoutFormat.MarkerName))
            {
                RefuseOtherFiles(files, displayName);
                if (!files.Exists(OciLayoutFormat.IndexName))
                {
                    await files.WriteAsync(OciLayoutFormat.IndexName, new ImageIndex { MediaType = MediaTypes.OciIndex }.ToJson(), cancellationToken);
                }

                // Last: a directory with a marker is a layout.
                await files.WriteAsync(OciLayoutFormat.MarkerName, OciLayoutFormat.Marker, cancellationToken);
            }
        }

        return await OpenAsync(directory, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<ImmutableArray<ListedImage>> ListAsync(CancellationToken cancellationToken) =>
        OciLayoutFormat.List(await ReadIndexAsync(cancellationToken));

    /// <inheritdoc/>
    public async ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken)
    {
        Descriptor? listed = ImageListing.Find(await ListAsync(cancellationToken), reference, DisplayName);
        return listed is null && Digest.TryParse(reference, out Digest digest) ? await ResolveBlobAsync(digest, cancellationToken) : listed;
    }

    /// <inheritdoc/>
    public ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken)
    {
        SafeFileHandle file = OpenBlob(descriptor.Digest);
        // To the end of the file rather than of the descriptor: the verifying stream notices what is too long.
        long length = RandomAccess.GetLength(file);
        return ValueTask.FromResult<Stream>(new VerifyingStream(Section(file, descriptor, 0, length), descriptor));
    }

    /// <inheritdoc/>
    public ValueTask<Stream> OpenUnverifiedAsync(Descriptor descriptor, long offset, CancellationToken cancellationToken) =>
        ValueTask.FromResult<Stream>(Section(OpenBlob(descriptor.Digest), descriptor, offset, descriptor.Size - offset));

    /// <inheritdoc/>
    public ValueTask<bool> ExistsAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_files.Length(BlobName(descriptor.Digest)) == descriptor.Size);

    /// <inheritdoc/>
    public async ValueTask WriteAsync(Descriptor expected, Stream content, CancellationToken cancellationToken)
    {
        // A file of another size is damaged, and is replaced.
        if (!await ExistsAsync(expected, cancellationToken))
        {
            await _files.WriteVerifiedAsync(BlobName(expected.Digest), expected, content, cancellationToken);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a name that a layout can hold.</exception>
    public async ValueTask TagAsync(Descriptor descriptor, string tag, CancellationToken cancellationToken)
    {
        if (!ImageLocationGrammar.IsRefName(tag))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"{DisplayName}: \"{Printable.Of(tag)}\" is not a name that a layout can hold");
        }

        await UpdateAsync(index => OciLayoutFormat.With(index, descriptor, tag), cancellationToken);
    }

    /// <summary>Lists <paramref name="descriptor"/> in the index without a name, unless it is there already.</summary>
    public Task AddAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        UpdateAsync(index => OciLayoutFormat.With(index, descriptor, name: null), cancellationToken);

    /// <summary>Removes the blobs that nothing in the index leads to, unless they were written in the last hour: somebody may be about to name them.</summary>
    public async Task RemoveUnnamedAsync(CancellationToken cancellationToken)
    {
        using IDisposable held = await _files.LockAsync(cancellationToken);
        var named = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<Descriptor>((await ReadIndexAsync(cancellationToken)).Manifests);
        while (open.TryPop(out Descriptor? descriptor))
        {
            if (!named.Add(BlobName(descriptor.Digest)) || !await ExistsAsync(descriptor, cancellationToken))
            {
                continue;
            }

            if (MediaTypes.IsIndex(descriptor.MediaType))
            {
                foreach (Descriptor entry in ImageIndex.Parse(await this.ReadDocumentAsync(descriptor, cancellationToken), descriptor.MediaType).Manifests)
                {
                    open.Push(entry);
                }
            }
            else if (MediaTypes.IsManifest(descriptor.MediaType))
            {
                ImageManifest manifest = ImageManifest.Parse(await this.ReadDocumentAsync(descriptor, cancellationToken), descriptor.MediaType);
                named.Add(BlobName(manifest.Config.Digest));
                named.UnionWith(manifest.Layers.Select(layer => BlobName(layer.Digest)));
            }
        }

        foreach (string name in _files.OldBlobs().Where(name => !named.Contains(name)))
        {
            _files.Delete(name);
        }
    }

    private static string BlobName(Digest digest) => $"blobs/{digest.Algorithm}/{digest.Hex}";

    private static void RefuseOtherFiles(LayoutDirectory files, string displayName)
    {
        string? other = files.Names().FirstOrDefault(name => !LayoutDirectory.IsOurs(name) && name is not ("blobs" or OciLayoutFormat.IndexName));
        if (other is not null)
        {
            throw new MicaException(ErrorKind.AlreadyExists,
                $"{displayName}: the directory is not an OCI image layout, and has other files in it ({Printable.Of(other)})");
        }
    }

    private FileSection Section(SafeFileHandle file, Descriptor descriptor, long offset, long length) =>
        new(file, offset, length, owned: true, $"{DisplayName}: content of {descriptor.Digest}");

    private SafeFileHandle OpenBlob(Digest digest) => _files.Open(BlobName(digest))
        ?? throw new MicaException(ErrorKind.NotFound, $"{digest}: not found in {DisplayName}");

    /// <summary>A document that is not in the index, such as a manifest of an index that is.</summary>
    private async ValueTask<Descriptor?> ResolveBlobAsync(Digest digest, CancellationToken cancellationToken)
    {
        if (_files.Length(BlobName(digest)) is not { } size || size > ManifestDocument.MaxSize)
        {
            return null;
        }

        var described = new Descriptor { MediaType = "", Digest = digest, Size = size };
        byte[] content = await this.ReadDocumentAsync(described, cancellationToken);
        return ManifestDocument.Sniff(content) is { } mediaType && MediaTypes.IsDocument(mediaType)
            ? described with { MediaType = mediaType }
            : null;
    }

    private async Task<ImageIndex> ReadIndexAsync(CancellationToken cancellationToken)
    {
        byte[] json = await _files.ReadAsync(OciLayoutFormat.IndexName, ManifestDocument.MaxSize, cancellationToken)
            ?? throw new MicaException(ErrorKind.ContentMismatch, $"{DisplayName}: there is no {OciLayoutFormat.IndexName}");
        return OciLayoutFormat.Parse(json, DisplayName);
    }

    private async Task UpdateAsync(Func<ImageIndex, ImageIndex> change, CancellationToken cancellationToken)
    {
        using IDisposable held = await _files.LockAsync(cancellationToken);
        ImageIndex before = await ReadIndexAsync(cancellationToken);
        ImageIndex after = change(before);
        if (!ReferenceEquals(before, after))
        {
            await _files.WriteAsync(OciLayoutFormat.IndexName, after.ToJson(), cancellationToken);
        }
    }
}
