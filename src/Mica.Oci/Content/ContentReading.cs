namespace Mica.Oci;

/// <summary>Reading small content whole.</summary>
public static class ContentReading
{
    /// <summary>
    /// The verified bytes of a manifest, index or config: from the descriptor's own <c>data</c> where it is embedded, else from
    /// <paramref name="source"/>. At most <see cref="ManifestDocument.MaxSize"/>.
    /// </summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.ContentMismatch"/>: too big, or wrong bytes.</exception>
    public static async ValueTask<byte[]> ReadDocumentAsync(
        this IContentSource source, Descriptor descriptor, CancellationToken cancellationToken)
    {
        if (descriptor.Size is < 0 or > ManifestDocument.MaxSize)
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"{descriptor.Digest} has {descriptor.Size} bytes; a document may have {ManifestDocument.MaxSize}");
        }

        if (descriptor.Data is { } data && data.Length == descriptor.Size && Digest.Of(data.Span) == descriptor.Digest)
        {
            return data.ToArray();
        }

        byte[] content = new byte[descriptor.Size];
        await using Stream stream = await source.OpenAsync(descriptor, cancellationToken);
        await stream.ReadExactlyAsync(content, cancellationToken);
        // One read more, so that the stream checks the digest and that nothing follows.
        if (await stream.ReadAsync(new byte[1], cancellationToken) != 0)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"content of {descriptor.Digest} is longer than its descriptor promises");
        }

        return content;
    }
}
