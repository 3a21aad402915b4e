using System.Collections.Concurrent;
using Mica.Oci;

namespace Mica.Tests.Store;

/// <summary>A source that records where its content was opened, and breaks streams when told to.</summary>
internal sealed class RecordingSource(MemoryContent content) : IResumableSource
{
    /// <summary>Digest and offset of every open, in order.</summary>
    public ConcurrentQueue<(Digest Digest, long Offset)> Opened { get; } = new();

    /// <summary>Streams break after so many bytes; null: never.</summary>
    public int? BreakAfter { get; set; }

    public ValueTask<Descriptor?> ResolveAsync(string reference, CancellationToken cancellationToken) =>
        content.ResolveAsync(reference, cancellationToken);

    public ValueTask<Stream> OpenAsync(Descriptor descriptor, CancellationToken cancellationToken) =>
        OpenUnverifiedAsync(descriptor, 0, cancellationToken);

    public async ValueTask<Stream> OpenUnverifiedAsync(Descriptor descriptor, long offset, CancellationToken cancellationToken)
    {
        Opened.Enqueue((descriptor.Digest, offset));
        byte[] bytes = await content.ReadDocumentAsync(descriptor, cancellationToken);
        byte[] rest = bytes[(int)offset..];
        return BreakAfter is { } count ? new FailingStream(rest, count) : new MemoryStream(rest, writable: false);
    }
}
