using System.Collections.Immutable;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>How an archive is read.</summary>
/// <param name="SpoolDirectory">
/// Where a compressed archive, or one from a stream, is written out to be read by position; made when it is not there. The file
/// has no name, so nothing of it stays behind.
/// </param>
public sealed record ImageArchiveOptions(string SpoolDirectory)
{
    /// <summary>The bytes that such an archive may have when it is unpacked: a small archive can be made to fill any disk.</summary>
    public long MaxUnpackedSize { get; init; } = 128L << 30;
}

/// <summary>
/// An archive of images: what <c>docker save</c> has written in any version, with or without an OCI layout in it, what
/// <c>podman save</c> and skopeo write as <c>docker-archive:</c> and <c>oci-archive:</c>, plain or compressed with gzip or zstd. It is
/// indexed in one pass over its headers and served by position; nothing is extracted. For images that have no manifest in the
/// archive one is made (Docker schema 2), with the config as it is, so that the image's ID is the one docker gives it.
/// Safe for concurrent use until it is disposed.
/// </summary>
public sealed class ImageArchive : IImageListing, IResumableSource, IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly ArchiveMembers _members;
    private readonly Dictionary<Digest, ArchiveMember> _blobs;
    private readonly Dictionary<Digest, byte[]> _documents;
    private readonly ImmutableArray<ListedImage> _images;

    internal ImageArchive(SafeFileHandle file, ArchiveMembers members, DockerArchive made, ImmutableArray<ListedImage> images, string displayName)
    {
        _file = file;
        _members = members;
        _blobs = made.Blobs;
        _documents = made.Documents;
        _images = images;
        DisplayName = displayName;
    }

    /// <inheritdoc/>
    public string DisplayName { get; }

    /// <summary>Opens the archive at <paramref name="path"/>, which may be a pipe.</summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.NotFound"/>: no such file. <see cref="ErrorKind.ContentMismatch"/>: not an archive of images, or a
    /// damaged one. <see cref="ErrorKind.Unsupported"/>: compressed with something else.
    /// </exception>
    public static async Task<ImageArchive> OpenAsync(string path, ImageArchiveOptions options, CancellationToken cancellationToken)
    {
        string displayName = Printable.Of(path);
        return Read(await ArchiveFile.OpenAsync(path, displayName, options, cancellationToken), displayName, cancellationToken);
    }

    /// <summary>Reads an archive from a stream such as standard input, to its end. The caller disposes the stream.</summary>
    /// <param name="stream">Need not be able to seek.</param>
    /// <param name="displayName">What messages call it.</param>
    /// <param name="options">How it is read.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async Task<ImageArchive> OpenAsync(
        Stream stream, string displayName, ImageArchiveOptions options, CancellationToken cancellationToken) =>
        Read(await ArchiveFile.SpoolAsync(stream, displayName, options, cancellationToken), displayName, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<ListedImage>> ListAsync(CancellationToken cancellationToken) => ValueTask.FromResult(_images);

    /// <inheritdoc/>
    public async ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken)
    {
        if (ImageListing.Find(_images, reference, DisplayName) is { } listed)
        {
            return listed;
        }

        if (!Digest.TryParse(reference, out Digest digest) || Size(digest) is not { } size || size > ManifestDocument.MaxSize)
        {
            return null;
        }

        var described = new Descriptor { MediaType = "", Digest = digest, Size = size };
        string? mediaType = ManifestDocument.Sniff(await this.ReadDocumentAsync(described, cancellationToken));
        return mediaType is not null && MediaTypes.IsDocument(mediaType) ? described with { MediaType = mediaType } : null;
    }

    /// <summary>
    /// Whether the archive has content of that digest. An index may be there without all of its manifests, and a manifest
    /// without all of its layers.
    /// </summary>
    public bool Contains(Digest digest) => Size(digest) is not null;

    /// <inheritdoc/>
    public ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        ValueTask.FromResult<Stream>(new VerifyingStream(Open(descriptor, 0), descriptor));

    /// <inheritdoc/>
    public ValueTask<Stream> OpenUnverifiedAsync(Descriptor descriptor, long offset, CancellationToken cancellationToken)
    {
        if (Size(descriptor.Digest) is { } size && size != descriptor.Size)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"content of {descriptor.Digest} has {size} of {descriptor.Size} bytes in {DisplayName}");
        }

        return ValueTask.FromResult(Open(descriptor, offset));
    }

    /// <summary>Closes the archive's file.</summary>
    public void Dispose() => _file.Dispose();

    private static ImageArchive Read(SafeFileHandle file, string displayName, CancellationToken cancellationToken)
    {
        try
        {
            return ImageArchiveReading.Read(file, displayName, cancellationToken);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private long? Size(Digest digest) =>
        _documents.TryGetValue(digest, out byte[]? document) ? document.Length : FindBlob(digest)?.Length;

    private ArchiveMember? FindBlob(Digest digest) =>
        _blobs.TryGetValue(digest, out ArchiveMember member) ? member : _members.Find($"blobs/{digest.Algorithm}/{digest.Hex}");

    private Stream Open(Descriptor descriptor, long offset)
    {
        if (_documents.TryGetValue(descriptor.Digest, out byte[]? document))
        {
            return new MemoryStream(document, (int)offset, document.Length - (int)offset, writable: false);
        }

        return FindBlob(descriptor.Digest) is { } member
            ? _members.Open(member, offset, $"content of {descriptor.Digest}")
            : throw new MicaException(ErrorKind.NotFound, $"{descriptor.Digest}: not found in {DisplayName}");
    }
}
