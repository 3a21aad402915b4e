using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Mica.Oci;
using Microsoft.Win32.SafeHandles;

namespace Mica.Store;

/// <summary>
/// One image as plain files in a directory, as skopeo's <c>dir:</c> has it: <c>manifest.json</c> is its manifest or index,
/// <c>HEX.manifest.json</c> the manifests of an index, <c>HEX</c> every other blob, <c>version</c> the marker. The image has no name:
/// <c>@0</c> or its digest resolve to it. containers-transports(5), "dir:path".
/// </summary>
/// <remarks>
/// What is written first stands as <c>HEX.manifest.json</c>; <see cref="TagAsync"/> makes it <c>manifest.json</c>, whatever the tag.
/// Files of a former image stay until <see cref="RemoveUnusedAsync"/>. Nothing is followed out of the directory.
/// </remarks>
public sealed partial class DirectoryImage : IImageListing, IResumableSource, IContentTarget
{
    private const string VersionName = "version";
    private const string RootName = "manifest.json";
    private const string VersionPrefix = "Directory Transport Version: ";
    private const int MaxVersionSize = 100;

    private readonly LayoutDirectory _files;

    private DirectoryImage(LayoutDirectory files, string displayName)
    {
        _files = files;
        DisplayName = displayName;
    }

    /// <inheritdoc/>
    public string DisplayName { get; }

    /// <summary>Opens a directory that holds an image.</summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.NotFound"/>: there is none. <see cref="ErrorKind.Unsupported"/>: it is of another version.
    /// </exception>
    public static async Task<DirectoryImage> OpenAsync(string directory, CancellationToken cancellationToken)
    {
        string displayName = $"dir:{Printable.Of(directory)}";
        var files = new LayoutDirectory(directory, displayName);
        // Without a version file it is one that skopeo wrote before there was one.
        if (!await HasVersionAsync(files, displayName, cancellationToken) && !files.Exists(RootName))
        {
            throw new MicaException(ErrorKind.NotFound, Directory.Exists(directory)
                ? $"{displayName}: not an image directory: there is no {RootName} in it"
                : $"{displayName}: no such directory");
        }

        return new DirectoryImage(files, displayName);
    }

    /// <summary>Opens a directory to write to it; makes it when it is not there.</summary>
    /// <exception cref="MicaException">
    /// <see cref="ErrorKind.AlreadyExists"/>: it holds something else. <see cref="ErrorKind.Unsupported"/>: it is of another version.
    /// </exception>
    public static async Task<DirectoryImage> CreateAsync(string directory, CancellationToken cancellationToken)
    {
        string displayName = $"dir:{Printable.Of(directory)}";
        var files = new LayoutDirectory(directory, displayName);
        files.Prepare();
        if (!await HasVersionAsync(files, displayName, cancellationToken))
        {
            string? other = files.Names().FirstOrDefault(name => !LayoutDirectory.IsOurs(name));
            if (other is not null)
            {
                throw new MicaException(ErrorKind.AlreadyExists,
                    $"{displayName}: the directory is not an image directory, and has other files in it ({Printable.Of(other)})");
            }

            await files.WriteAsync(VersionName, "Directory Transport Version: 1.1\n"u8.ToArray(), cancellationToken);
        }

        return new DirectoryImage(files, displayName);
    }

    /// <inheritdoc/>
    public async ValueTask<ImmutableArray<ListedImage>> ListAsync(CancellationToken cancellationToken) =>
        await ReadRootAsync(cancellationToken) is { } root ? [new ListedImage(root.Descriptor, [], [])] : [];

    /// <inheritdoc/>
    public async ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken)
    {
        if (ImageListing.Find(await ListAsync(cancellationToken), reference, DisplayName) is { } listed)
        {
            return listed;
        }

        return Digest.TryParse(reference, out Digest digest)
            && await _files.ReadAsync(DocumentName(digest), ManifestDocument.MaxSize, cancellationToken) is { } content
            && Describe(content, digest) is { } descriptor ? descriptor : null;
    }

    /// <inheritdoc/>
    public async ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken)
    {
        (SafeFileHandle file, string name) = await OpenFileAsync(descriptor, cancellationToken);
        long length = RandomAccess.GetLength(file);
        return new VerifyingStream(new FileSection(file, 0, length, owned: true, $"{DisplayName}: {name}"), descriptor);
    }

    /// <inheritdoc/>
    public async ValueTask<Stream> OpenUnverifiedAsync(Descriptor descriptor, long offset, CancellationToken cancellationToken)
    {
        (SafeFileHandle file, string name) = await OpenFileAsync(descriptor, cancellationToken);
        return new FileSection(file, offset, descriptor.Size - offset, owned: true, $"{DisplayName}: {name}");
    }

    /// <inheritdoc/>
    public async ValueTask<bool> ExistsAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        _files.Length(Name(descriptor)) == descriptor.Size
        || (MediaTypes.IsDocument(descriptor.MediaType) && await IsRootAsync(descriptor.Digest, cancellationToken));

    /// <inheritdoc/>
    public async ValueTask WriteAsync(Descriptor expected, Stream content, CancellationToken cancellationToken)
    {
        if (!await ExistsAsync(expected, cancellationToken))
        {
            await _files.WriteVerifiedAsync(Name(expected), expected, content, cancellationToken);
        }
    }

    /// <summary>Makes <paramref name="descriptor"/> the image of the directory; a tag has no place there.</summary>
    public async ValueTask TagAsync(Descriptor descriptor, string tag, CancellationToken cancellationToken)
    {
        using IDisposable held = await _files.LockAsync(cancellationToken);
        (Descriptor Descriptor, byte[] Content)? former = await ReadRootAsync(cancellationToken);
        if (former?.Descriptor.Digest == descriptor.Digest)
        {
            return;
        }

        byte[] content = await this.ReadDocumentAsync(descriptor, cancellationToken);
        if (former is { } known)
        {
            await _files.WriteAsync(DocumentName(known.Descriptor.Digest), known.Content, cancellationToken);
        }

        await _files.WriteAsync(RootName, content, cancellationToken);
        if (descriptor.Digest == Digest.Of(content))
        {
            // By another algorithm's digest it is only found under its own name.
            _files.Delete(DocumentName(descriptor.Digest));
        }
    }

    /// <summary>Deletes the blobs and manifests that the image does not need: those of an image that was here before it.</summary>
    public async Task RemoveUnusedAsync(CancellationToken cancellationToken)
    {
        using IDisposable held = await _files.LockAsync(cancellationToken);
        if (await ReadRootAsync(cancellationToken) is not { } root)
        {
            return;
        }

        var used = new HashSet<string>();
        var waiting = new Stack<Descriptor>([root.Descriptor]);
        while (waiting.TryPop(out Descriptor? next))
        {
            if (used.Add(Name(next)) && MediaTypes.IsDocument(next.MediaType) && await ExistsAsync(next, cancellationToken))
            {
                byte[] document = await this.ReadDocumentAsync(next, cancellationToken);
                foreach (Descriptor child in ManifestDocument.Children(document, next.MediaType))
                {
                    waiting.Push(child);
                }
            }
        }

        foreach (string name in _files.Names().Where(name => ContentName().IsMatch(name) && !used.Contains(name)).ToArray())
        {
            _files.Delete(name);
        }
    }

    private static async Task<bool> HasVersionAsync(LayoutDirectory files, string displayName, CancellationToken cancellationToken)
    {
        if (await files.ReadAsync(VersionName, MaxVersionSize, cancellationToken) is not { } content)
        {
            return false;
        }

        string version = Encoding.UTF8.GetString(content);
        return !version.StartsWith(VersionPrefix, StringComparison.Ordinal)
            ? throw new MicaException(ErrorKind.ContentMismatch, $"{displayName}: not an image directory: its version file is \"{Printable.Of(version)}\"")
            : version.StartsWith(VersionPrefix + "1.", StringComparison.Ordinal)
            ? true
            : throw new MicaException(ErrorKind.Unsupported, $"{displayName}: {Printable.Of(version.TrimEnd())} is not supported");
    }

    private static Descriptor? Describe(byte[] content, Digest digest) =>
        ManifestDocument.Sniff(content) is { } mediaType && MediaTypes.IsDocument(mediaType)
            ? new Descriptor { MediaType = mediaType, Digest = digest, Size = content.Length }
            : null;

    /// <summary>A name of one algorithm is plain hex; another algorithm is written in front, so that the two cannot meet.</summary>
    private static string BlobName(Digest digest) => digest.Algorithm == Digest.Sha256 ? digest.Hex : $"{digest.Algorithm}-{digest.Hex}";

    private static string DocumentName(Digest digest) => BlobName(digest) + ".manifest.json";

    private static string Name(Descriptor descriptor) =>
        MediaTypes.IsDocument(descriptor.MediaType) ? DocumentName(descriptor.Digest) : BlobName(descriptor.Digest);

    private async ValueTask<bool> IsRootAsync(Digest digest, CancellationToken cancellationToken) =>
        (await ReadRootAsync(cancellationToken))?.Descriptor.Digest == digest;

    private async ValueTask<(Descriptor Descriptor, byte[] Content)?> ReadRootAsync(CancellationToken cancellationToken)
    {
        if (await _files.ReadAsync(RootName, ManifestDocument.MaxSize, cancellationToken) is not { } content)
        {
            return null;
        }

        ManifestDocument.RefuseSchema1(content, "");
        return Describe(content, Digest.Of(content)) is { } descriptor
            ? (descriptor, content)
            : throw new MicaException(ErrorKind.ContentMismatch, $"{DisplayName}: {RootName} is not a manifest");
    }

    private async ValueTask<(SafeFileHandle File, string Name)> OpenFileAsync(Descriptor descriptor, CancellationToken cancellationToken)
    {
        string name = Name(descriptor);
        if (_files.Open(name) is { } file)
        {
            return (file, name);
        }

        return MediaTypes.IsDocument(descriptor.MediaType) && await IsRootAsync(descriptor.Digest, cancellationToken)
            && _files.Open(RootName) is { } root
            ? (root, RootName)
            : throw new MicaException(ErrorKind.NotFound, $"{descriptor.Digest}: not found in {DisplayName}");
    }

    [GeneratedRegex(@"\A(?:sha512-)?[0-9a-f]{64,128}(?:\.manifest\.json)?\z")]
    private static partial Regex ContentName();
}
