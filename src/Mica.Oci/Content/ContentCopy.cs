using System.Collections.Concurrent;

namespace Mica.Oci;

/// <summary>What a copy does beyond the defaults.</summary>
public sealed record ContentCopyOptions
{
    /// <summary>Blobs in flight at once.</summary>
    public int Concurrency { get; init; } = 4;

    /// <summary>
    /// Whether <c>child</c> of <c>parent</c> is copied; all are by default. What is left out is not looked at, so an index can be
    /// kept whole with some of its platforms.
    /// </summary>
    public Func<Descriptor, Descriptor, bool>? Include { get; init; }

    /// <summary>The repository of the target's registry that may already hold the blob, for a mount; null for none.</summary>
    public Func<Descriptor, string?>? MountFrom { get; init; }

    /// <summary>
    /// Moves one blob that is not a document, in place of open-and-write. Called at most once for a digest, after the config of
    /// its manifest is at the target.
    /// </summary>
    public Func<Descriptor, CancellationToken, ValueTask>? Transfer { get; init; }

    /// <summary>Takes the place of the bytes read for a document: the caller has fetched it already.</summary>
    public Func<Descriptor, byte[]?>? Known { get; init; }
}

/// <summary>
/// Copies a rooted graph of content from a source to a target: pull, push, save, load, copy and mirror are this between two
/// ends. Children are at the target before their parent, what exists there is skipped, equal digests move once.
/// </summary>
public sealed class ContentCopy(
    IContentSource source, IContentTarget target, ContentCopyOptions options, IProgress<ProgressEvent>? progress) : IDisposable
{
    /// <summary>Indexes may nest, but no real image does so deeply; this ends a graph made to exhaust us.</summary>
    private const int MaxDepth = 8;

    private readonly ConcurrentDictionary<Digest, Lazy<Task>> _done = new();
    private readonly SemaphoreSlim _slots = new(options.Concurrency);
    private readonly SemaphoreSlim _manifests = new(options.Concurrency);

    /// <summary>Copies <paramref name="root"/> and everything below it. The root is at the target when this returns.</summary>
    /// <exception cref="MicaException">The first failure of either end; the other transfers were cancelled.</exception>
    public async Task CopyAsync(Descriptor root, CancellationToken cancellationToken)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await CopyOnceAsync(root, 0, failed);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _slots.Dispose();
        _manifests.Dispose();
    }

    private Task CopyOnceAsync(Descriptor descriptor, int depth, CancellationTokenSource failed) =>
        _done.GetOrAdd(descriptor.Digest, _ => new Lazy<Task>(() => CopyNodeAsync(descriptor, depth, failed))).Value;

    private async Task CopyNodeAsync(Descriptor descriptor, int depth, CancellationTokenSource failed)
    {
        try
        {
            await (MediaTypes.IsIndex(descriptor.MediaType) ? CopyIndexAsync(descriptor, depth, failed)
                : MediaTypes.IsManifest(descriptor.MediaType) ? CopyManifestAsync(descriptor, depth, failed)
                : CopyBlobAsync(descriptor, failed.Token));
        }
        catch
        {
            await failed.CancelAsync();
            throw;
        }
    }

    private async Task CopyIndexAsync(Descriptor descriptor, int depth, CancellationTokenSource failed)
    {
        if (depth >= MaxDepth)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{descriptor.Digest}: indexes are nested more than {MaxDepth} deep");
        }

        (byte[] content, Descriptor[] children) = await ReadAsync(descriptor, failed.Token);
        foreach (Descriptor nested in children.Where(child => MediaTypes.IsIndex(child.MediaType)))
        {
            // One after the other: an index that lists thousands of indexes must not bring them all into memory.
            await CopyOnceAsync(nested, depth + 1, failed);
        }

        await WhenAllOrFirstFailure([.. children.Select(child => CopyOnceAsync(child, depth + 1, failed))]);
        await WriteAsync(descriptor, content, failed.Token);
    }

    private async Task CopyManifestAsync(Descriptor descriptor, int depth, CancellationTokenSource failed)
    {
        // The manifest is in memory while its blobs move, so only so many may be under way. It waits for blobs alone, never for
        // another manifest: no wait can close a circle.
        await _manifests.WaitAsync(failed.Token);
        try
        {
            (byte[] content, Descriptor[] children) = await ReadAsync(descriptor, failed.Token);
            if (children.FirstOrDefault(child => MediaTypes.IsDocument(child.MediaType)) is { } odd)
            {
                throw new MicaException(ErrorKind.Unsupported, $"{descriptor.Digest} has a blob of type {odd.MediaType}, which is for manifests");
            }

            foreach (Descriptor child in children.Where(child => MediaTypes.IsLayer(child.MediaType)))
            {
                progress?.Report(new BlobQueued(child));
            }

            if (children.Length > 0)
            {
                // The config first: it says what the layers must turn out to be.
                await CopyOnceAsync(children[0], depth + 1, failed);
            }

            // The largest first: one that begins when all others are through is waited for alone.
            await WhenAllOrFirstFailure([.. children.OrderByDescending(child => child.Size).Select(child => CopyOnceAsync(child, depth + 1, failed))]);
            await WriteAsync(descriptor, content, failed.Token);
        }
        finally
        {
            _manifests.Release();
        }
    }

    private async Task<(byte[] Content, Descriptor[] Children)> ReadAsync(Descriptor descriptor, CancellationToken cancellationToken)
    {
        byte[] content = options.Known?.Invoke(descriptor) ?? await source.ReadDocumentAsync(descriptor, cancellationToken);
        return (content, [.. ManifestDocument.Children(content, descriptor.MediaType)
            .Where(child => options.Include?.Invoke(descriptor, child) ?? true)]);
    }

    private async Task WriteAsync(Descriptor descriptor, byte[] content, CancellationToken cancellationToken)
    {
        if (!await target.ExistsAsync(descriptor, cancellationToken))
        {
            using var stream = new MemoryStream(content, writable: false);
            await target.WriteAsync(descriptor, stream, cancellationToken);
        }
    }

    private async Task CopyBlobAsync(Descriptor descriptor, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken);
        try
        {
            if (options.Transfer is { } transfer && MediaTypes.IsLayer(descriptor.MediaType))
            {
                await transfer(descriptor, cancellationToken);
            }
            else if (await target.ExistsAsync(descriptor, cancellationToken))
            {
                progress?.Report(new BlobExisted(descriptor));
            }
            else if (options.MountFrom?.Invoke(descriptor) is { } from && target is IMountingTarget mounting
                && await mounting.TryMountAsync(descriptor, from, cancellationToken))
            {
                progress?.Report(new BlobMounted(descriptor, from));
            }
            else
            {
                await TransferAsync(descriptor, cancellationToken);
            }
        }
        finally
        {
            _slots.Release();
        }
    }

    private async Task TransferAsync(Descriptor descriptor, CancellationToken cancellationToken)
    {
        await using Stream content = await source.OpenAsync(descriptor, cancellationToken);
        await using var counted = new CountingStream(content, descriptor, progress);
        await target.WriteAsync(descriptor, counted, cancellationToken);
        progress?.Report(new BlobCompleted(descriptor));
    }

    /// <summary>Waits for all, then throws what failed rather than the cancellations that the failure caused.</summary>
    private static async Task WhenAllOrFirstFailure(Task[] tasks)
    {
        await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Task? failed = tasks.FirstOrDefault(task => task.IsFaulted) ?? tasks.FirstOrDefault(task => task.IsCanceled);
        if (failed is not null)
        {
            await failed;
        }
    }
}
