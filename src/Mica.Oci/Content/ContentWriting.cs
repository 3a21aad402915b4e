namespace Mica.Oci;

/// <summary>Writing small content whole.</summary>
public static class ContentWriting
{
    /// <summary>Writes a document that we author; its descriptor.</summary>
    public static async ValueTask<Descriptor> WriteDocumentAsync(
        this IContentTarget target, string mediaType, byte[] document, CancellationToken cancellationToken)
    {
        Descriptor descriptor = Descriptor.Of(mediaType, document);
        using var content = new MemoryStream(document, writable: false);
        await target.WriteAsync(descriptor, content, cancellationToken);
        return descriptor;
    }
}
