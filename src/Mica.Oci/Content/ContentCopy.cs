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

    /// <summary>Copies <paramref name="root"/> and everything below it. The root is at the target when this returns.</summary>
    /// <exception cref="MicaException">The first failure of either end; the other transfers were cancelled.</exception>
    public async Task CopyAsync(Descriptor root, CancellationToken cancellationToken)
    {
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await CopyOnceAsync(root, 0, failed);
    }

    /// <inheritdoc/>
    public void Dispose() => _slots.Dispose();

    private Task CopyOnceAsync(Descriptor descriptor, int depth, CancellationTokenSource failed) =>
        _done.GetOrAdd(descriptor.Digest, _ => new Lazy<Task>(() => CopyNodeAsync(descriptor, depth, failed))).Value;

    private async Task CopyNodeAsync(Descriptor descriptor, int depth, CancellationTokenSource failed)
    {
        try
        {
            await (MediaTypes.IsDocument(descriptor.MediaType) ? CopyDocumentAsync(descriptor, depth, failed) : CopyBlobAsync(descriptor, failed.Token));
        }
        catch
        {
            await failed.CancelAsync();
            throw;
        }
    }

    private async Task CopyDocumentAsync(Descriptor descriptor, int depth, CancellationTokenSource failed)
    {
        if (depth >= MaxDepth)
        {
            throw new MicaException(ErrorKind.ContentMismatch, $"{descriptor.Digest}: indexes are nested more than {MaxDepth} deep");
        }

        byte[] content = options.Known?.Invoke(descriptor) ?? await source.ReadDocumentAsync(descriptor, failed.Token);
        Descriptor[] children = [.. ManifestDocument.Children(content, descriptor.MediaType)
            .Where(child => options.Include?.Invoke(descriptor, child) ?? true)];
        foreach (Descriptor child in children.Where(child => MediaTypes.IsLayer(child.MediaType)))
        {
            progress?.Report(new BlobQueued(child));
        }

        if (MediaTypes.IsManifest(descriptor.MediaType) && children.Length > 0)
        {
            // The config first: it says what the layers must turn out to be.
            await CopyOnceAsync(children[0], depth + 1, failed);
        }

        await WhenAllOrFirstFailure([.. children.Select(child => CopyOnceAsync(child, depth + 1, failed))]);
        if (!await target.ExistsAsync(descriptor, failed.Token))
        {
            using var stream = new MemoryStream(content, writable: false);
            await target.WriteAsync(descriptor, stream, failed.Token);
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
