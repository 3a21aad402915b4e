using System.Collections.Concurrent;

namespace Mica.Oci;

/// <summary>Content in memory: for tests, and for assembling a small image before it goes somewhere.</summary>
public sealed class MemoryContent : IContentTarget
{
    private readonly ConcurrentDictionary<Digest, byte[]> _blobs = new();
    private readonly ConcurrentDictionary<string, Descriptor> _names = new();

    /// <summary>The tags, in no order.</summary>
    public ICollection<string> Tags => _names.Keys;

    /// <summary>Adds <paramref name="content"/> and returns its descriptor.</summary>
    public Descriptor Add(string mediaType, byte[] content)
    {
        Descriptor descriptor = Descriptor.Of(mediaType, content);
        _blobs[descriptor.Digest] = content;
        return descriptor;
    }

    /// <inheritdoc/>
    public ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken)
    {
        if (_names.TryGetValue(reference, out Descriptor? named))
        {
            return ValueTask.FromResult<Descriptor?>(named);
        }

        return ValueTask.FromResult(
            Digest.TryParse(reference, out Digest digest) && _blobs.TryGetValue(digest, out byte[]? content)
                && ManifestDocument.Sniff(content) is { } mediaType
                ? new Descriptor { MediaType = mediaType, Digest = digest, Size = content.Length }
                : null);
    }

    /// <inheritdoc/>
    public ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        _blobs.TryGetValue(descriptor.Digest, out byte[]? content)
            ? ValueTask.FromResult<Stream>(new VerifyingStream(new MemoryStream(content, writable: false), descriptor))
            : throw new MicaException(ErrorKind.NotFound, $"{descriptor.Digest}: not found in memory");

    /// <inheritdoc/>
    public ValueTask<bool> ExistsAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_blobs.ContainsKey(descriptor.Digest));

    /// <inheritdoc/>
    public async ValueTask WriteAsync(Descriptor expected, Stream content, CancellationToken cancellationToken)
    {
        using var copy = new MemoryStream();
        await using (var verified = new VerifyingStream(new BorrowedStream(content), expected))
        {
            await verified.CopyToAsync(copy, cancellationToken);
        }

        _blobs[expected.Digest] = copy.ToArray();
    }

    /// <inheritdoc/>
    public ValueTask TagAsync(Descriptor descriptor, string tag, CancellationToken cancellationToken)
    {
        _names[tag] = descriptor;
        return ValueTask.CompletedTask;
    }
}
