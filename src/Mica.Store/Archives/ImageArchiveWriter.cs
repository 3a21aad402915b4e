using System.Collections.Immutable;
using Mica.Layers;
using Mica.Oci;

namespace Mica.Store;

/// <summary>Which tools can read an archive of images.</summary>
public enum ImageArchiveForm
{
    /// <summary>
    /// As docker since 25 writes it: an OCI layout that also has <c>manifest.json</c> and <c>repositories</c>, so that
    /// <c>docker load</c> of any version, <c>podman load</c>, <c>docker-archive:</c> and <c>oci-archive:</c> all take it.
    /// </summary>
    Docker,

    /// <summary>The OCI layout alone.</summary>
    Oci,
}

/// <summary>An image that goes into an archive.</summary>
/// <param name="Descriptor">Its manifest or index, at the source.</param>
/// <param name="References">The names it shall have when it is loaded; those without a tag get <c>latest</c>.</param>
public sealed record ArchivedImage(Descriptor Descriptor, ImmutableArray<ImageReference> References)
{
    /// <summary>
    /// A name of the layout alone, as in <c>oci-archive:FILE:NAME</c>. An image with neither this nor a reference is listed
    /// without a name.
    /// </summary>
    public string? Name { get; init; }
}

/// <summary>How an archive is written.</summary>
public sealed record ImageArchiveWriterOptions
{
    /// <summary>What else than the layout is in the archive.</summary>
    public ImageArchiveForm Form { get; init; } = ImageArchiveForm.Docker;

    /// <summary>
    /// Whether <c>child</c> of <c>parent</c> goes in; all do by default. What is left out is not looked at, so that an index can be
    /// written with those of its platforms that are at the source.
    /// </summary>
    public Func<Descriptor, Descriptor, bool>? Include { get; init; }

    /// <summary>Which manifest of an index <c>manifest.json</c> shows, since it can show only one.</summary>
    public Platform Platform { get; init; } = Platform.Current;
}

/// <summary>
/// Writes images to an archive in one pass, without seeking and without holding a layer in memory. The bytes depend on the images
/// and their names alone: members are sorted, times are zero, nothing is compressed again, and every blob is there once.
/// </summary>
public sealed class ImageArchiveWriter(
    IContentSource source, ImageArchiveWriterOptions options, IProgress<ProgressEvent>? progress)
{
    private const int BufferSize = 128 << 10;
    private const int ReportStep = 512 << 10;

    /// <summary>Writes the archive. <paramref name="output"/> stays open.</summary>
    /// <exception cref="MicaException">
    /// What the source fails with; <see cref="ErrorKind.InvalidArgument"/>: two images with the same name. What was written
    /// until then is no archive.
    /// </exception>
    public async Task WriteAsync(IReadOnlyList<ArchivedImage> images, Stream output, CancellationToken cancellationToken)
    {
        ImageArchiveContents contents = await ImageArchiveContents.CollectAsync(source, images, options, cancellationToken);
        foreach (Descriptor layer in contents.Layers)
        {
            progress?.Report(new BlobQueued(layer));
        }

        var tar = new TarWriter(output);
        byte[] buffer = new byte[BufferSize];
        foreach ((string name, ImageArchiveContents.Member member) in contents.Members)
        {
            switch (member)
            {
                case { Document: { } document }:
                    tar.Write(File(name, document.Length), document);
                    break;
                case { Blob: { } blob }:
                    tar.Write(File(name, blob.Size));
                    await WriteBlobAsync(tar, blob, buffer, cancellationToken);
                    break;
                default:
                    tar.Write(new TarEntry { Kind = TarEntryKind.Directory, Path = new LinuxPath(name), Mode = 0x1ed });
                    break;
            }
        }

        tar.Finish();
        await output.FlushAsync(cancellationToken);
    }

    /// <summary>
    /// Writes the archive to a file, which takes the place of what has that name only when it is whole. What is no regular file,
    /// such as a pipe or a terminal, is written to as it is.
    /// </summary>
    public Task WriteFileAsync(IReadOnlyList<ArchivedImage> images, string path, CancellationToken cancellationToken) =>
        OutputFile.WriteAsync(path, stream => WriteAsync(images, stream, cancellationToken));

    /// <summary>0644 and 0755, owned by root, of the first second of 1970, as docker has them.</summary>
    private static TarEntry File(string name, long size) =>
        new() { Kind = TarEntryKind.File, Path = new LinuxPath(name), Mode = 0x1a4, Size = size };

    private async Task WriteBlobAsync(TarWriter tar, Descriptor blob, byte[] buffer, CancellationToken cancellationToken)
    {
        await using Stream content = await source.OpenAsync(blob, cancellationToken);
        long written = 0;
        long reported = 0;
        for (int count; (count = await content.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            tar.WriteContent(buffer.AsSpan(0, count));
            written += count;
            if (written - reported >= ReportStep)
            {
                reported = written;
                progress?.Report(new BlobTransferred(blob, written));
            }
        }

        if (MediaTypes.IsLayer(blob.MediaType))
        {
            progress?.Report(new BlobCompleted(blob));
        }
    }
}
