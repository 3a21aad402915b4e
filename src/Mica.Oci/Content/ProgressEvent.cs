namespace Mica.Oci;

/// <summary>
/// A fact about a long operation. The set is closed: every renderer (terminal, plain, JSON, Docker API) knows each case.
/// Events come from many threads, so a receiver is thread-safe; it must not block.
/// </summary>
public abstract record ProgressEvent
{
    private protected ProgressEvent()
    {
    }
}

/// <summary>A reference was resolved at its source. Comes once, first.</summary>
public sealed record ReferenceResolved(string Reference, Descriptor Descriptor) : ProgressEvent;

/// <summary>A blob will be needed; comes for every blob of an image, in manifest order, before the work on them begins.</summary>
public sealed record BlobQueued(Descriptor Descriptor) : ProgressEvent;

/// <summary><paramref name="Current"/> bytes of the blob are here; may start above zero after a resume. Throttled at the origin.</summary>
public sealed record BlobTransferred(Descriptor Descriptor, long Current) : ProgressEvent;

/// <summary>The blob is whole and verified.</summary>
public sealed record BlobCompleted(Descriptor Descriptor) : ProgressEvent;

/// <summary>Nothing had to be transferred: the target has the blob.</summary>
public sealed record BlobExisted(Descriptor Descriptor) : ProgressEvent;

/// <summary>The registry took the blob from another of its repositories.</summary>
public sealed record BlobMounted(Descriptor Descriptor, string Repository) : ProgressEvent;

/// <summary>The layer is being unpacked: <paramref name="Bytes"/> compressed bytes of it are done.</summary>
public sealed record LayerUnpacking(Descriptor Descriptor, long Bytes) : ProgressEvent;

/// <summary>The layer is unpacked, verified and durable.</summary>
public sealed record LayerUnpacked(Descriptor Descriptor, Digest DiffId) : ProgressEvent;

/// <summary>A request failed and is repeated after <paramref name="Delay"/>.</summary>
public sealed record RetryScheduled(string Subject, string Reason, TimeSpan Delay) : ProgressEvent;

/// <summary>A mirror was left for the next one, or for the registry itself.</summary>
public sealed record MirrorSkipped(string Mirror, string Reason) : ProgressEvent;

/// <summary>What the registry says is left of its pull limit (the <c>ratelimit-*</c> headers of Docker Hub).</summary>
public sealed record RateLimitSeen(string Registry, int Limit, int Remaining, TimeSpan Window) : ProgressEvent;

/// <summary>Something the user should know that is no failure; one line, lower case.</summary>
public sealed record Notice(string Message) : ProgressEvent;
