using Mica.Oci;

namespace Mica.Engine;

/// <summary>Content of the store where it is there, else of the source: a repeated pull asks the registry for the name alone.</summary>
internal sealed class StoredFirst(IContentTarget stored, IContentSource source) : IContentSource
{
    public ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken) =>
        source.ResolveAsync(reference, cancellationToken);

    public async ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        await stored.ExistsAsync(descriptor, cancellationToken)
            ? await stored.OpenAsync(descriptor, cancellationToken)
            : await source.OpenAsync(descriptor, cancellationToken);
}
