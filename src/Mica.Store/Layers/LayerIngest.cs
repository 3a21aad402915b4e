using System.Security.Cryptography;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>One layer's way into the store, with the locks of its blob and, where it is known, of its diffID in hand.</summary>
internal sealed class LayerIngest(
    StoreLayout layout, Catalog catalog, BlobStore blobs, ContentDisposal disposal, StoreOptions options,
    Descriptor layer, Digest? expectedDiffId, PartialBlob partial, UnpackThreads threads,
    IProgress<ProgressEvent>? progress, long lease)
{
    private const int BufferSize = 256 << 10;

    private string Staging => layout.Unpack(layer.Digest);

    public async Task<FetchedLayer> RunAsync(IContentSource source, CancellationToken cancellationToken)
    {
        bool hasTree = expectedDiffId is { } known && LayerRows.Hold(layout, catalog, known, lease);
        bool hasBlob = blobs.Hold(layer.Digest, lease);
        Digest diffId;
        if (hasBlob)
        {
            await using var blob = new VerifyingStream(blobs.Open(layer, 0), layer);
            await using var buffered = new BufferedStream(blob, BufferSize);
            diffId = await ReadAsync(buffered, hasTree, cancellationToken);
        }
        else
        {
            diffId = await FetchAsync(source, hasTree, cancellationToken);
        }

        using KeyLock? held = expectedDiffId is null ? await KeyLock.AcquireAsync(layout.LayerLock(diffId), cancellationToken) : null;
        StoreErrors.Guard(layout.Root, () => Commit(diffId, hasBlob));
        progress?.Report(new LayerUnpacked(layer, diffId));
        return new FetchedLayer(layer, diffId, Existed: false);
    }

    private static Digest HashTar(Stream blob, CancellationToken cancellationToken)
    {
        using Stream tar = LayerDecompressor.Open(new BorrowedStream(blob), out _);
        using IncrementalHash hash = Digest.CreateHash(Digest.Sha256);
        byte[] buffer = new byte[BufferSize];
        int count;
        while ((count = tar.Read(buffer, 0, buffer.Length)) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, count);
        }

        return Digest.FromHash(Digest.Sha256, hash.GetCurrentHash());
    }

    /// <summary>Goes on behind what a former try left; if the whole turns out wrong, it may be that part, so once more from the start.</summary>
    private async Task<Digest> FetchAsync(IContentSource source, bool hasTree, CancellationToken cancellationToken)
    {
        partial.Open();
        bool resumed = partial.Length > 0 && partial.Length <= layer.Size && source is IResumableSource;
        if (!resumed)
        {
            partial.Restart();
        }

        try
        {
            return await TransferAsync(source, hasTree, cancellationToken);
        }
        catch (MicaException mismatch) when (resumed && mismatch.Kind == ErrorKind.ContentMismatch)
        {
            partial.Restart();
            return await TransferAsync(source, hasTree, cancellationToken);
        }
    }

    private async Task<Digest> TransferAsync(IContentSource source, bool hasTree, CancellationToken cancellationToken)
    {
        try
        {
            Stream rest = partial.Length == layer.Size ? Stream.Null
                : source is IResumableSource resumable ? await resumable.OpenUnverifiedAsync(layer, partial.Length, cancellationToken)
                : await source.OpenAsync(layer, cancellationToken);
            await using var ingest = new IngestStream(partial, rest, layer, progress, cancellationToken);
            Digest diffId = await ReadAsync(ingest, hasTree, cancellationToken);
            return ingest.IsVerified ? diffId : throw new InvalidOperationException("the layer was not read to its end");
        }
        catch (Exception failure)
        {
            // Wrong bytes are of no use to the next try, and a full disk is not left full; anything else is gone on with.
            if (failure is MicaException { Kind: ErrorKind.ContentMismatch } || StoreErrors.IsFull(failure))
            {
                partial.Restart();
            }

            if (failure is MicaException { Kind: ErrorKind.ContentMismatch } wrong
                && !wrong.Message.Contains(layer.Digest.Hex, StringComparison.Ordinal))
            {
                throw new MicaException(ErrorKind.ContentMismatch, $"layer {layer.Digest} is damaged: {wrong.Message}", wrong);
            }

            throw;
        }
    }

    /// <summary>Unpacks the blob to the staging directory, or only reads it when its tree is here; the diffID is checked.</summary>
    private async Task<Digest> ReadAsync(Stream blob, bool hasTree, CancellationToken cancellationToken)
    {
        Digest diffId;
        if (hasTree)
        {
            diffId = await Task.Factory.StartNew(
                () => HashTar(blob, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            Check(diffId);
            return diffId;
        }

        disposal.MoveToTrash(Staging);
        try
        {
            string tree = Path.Join(Staging, "fs");
            StoreErrors.Guard(layout.Root, () => Directory.CreateDirectory(tree));
            UnpackedLayer unpacked;
            using (var target = DirectoryHandle.Open(tree))
            {
                var report = progress is null ? null : new UnpackProgress(layer, progress);
                unpacked = await LayerUnpacker.UnpackAsync(blob, target, options.LayerOptions, threads, report, cancellationToken);
            }

            Check(unpacked.DiffId);
            StoreErrors.Guard(layout.Root, () => Describe(unpacked));
            return unpacked.DiffId;
        }
        catch (Exception failure)
        {
            disposal.MoveToTrash(Staging);
            if (failure is InvalidDataException)
            {
                throw new MicaException(ErrorKind.ContentMismatch, $"layer {layer.Digest} is damaged: {Printable.Of(failure.Message)}", failure);
            }

            throw;
        }
    }

    private void Check(Digest diffId)
    {
        if (expectedDiffId is { } expected && diffId != expected)
        {
            throw new MicaException(ErrorKind.ContentMismatch,
                $"layer {layer.Digest} is damaged: it unpacks to diffID {diffId}, its config says {expected}");
        }
    }

    private void Describe(UnpackedLayer unpacked)
    {
        foreach (string notice in unpacked.Applied.Notices)
        {
            progress?.Report(new Notice($"layer {layer.Digest.Short}: {notice}"));
        }

        LayerDescription.Of(layer, unpacked).Write(Staging);
    }

    /// <summary>Makes blob and tree visible, then records them.</summary>
    private void Commit(Digest diffId, bool hasBlob)
    {
        options.Failpoint?.Invoke("layer unpacked");
        LayerDescription? description = null;
        if (Directory.Exists(Staging))
        {
            if (LayerRows.Hold(layout, catalog, diffId, lease))
            {
                disposal.MoveToTrash(Staging);
            }
            else
            {
                description = LayerDescription.Read(Staging, diffId) ?? throw new InvalidOperationException("the layer has no description");
                // Without a row, whatever stands there was left by a killed process.
                disposal.MoveToTrash(layout.Layer(diffId));
                Directory.Move(Staging, layout.Layer(diffId));
                options.Failpoint?.Invoke("layer renamed");
            }
        }

        if (!hasBlob)
        {
            partial.Publish();
            options.Failpoint?.Invoke("layer blob renamed");
        }

        catalog.Write(database =>
        {
            if (!hasBlob)
            {
                blobs.Record(database, layer, lease);
            }

            if (description is not null)
            {
                LayerRows.Record(database, diffId, description, options.Time.GetUtcNow(), ProcessIdentity.CurrentBootId);
                Leases.Hold(database, lease, diffId);
            }
        });
    }

    /// <summary>The unpacker's count of bytes as progress of the layer.</summary>
    private sealed class UnpackProgress(Descriptor layer, IProgress<ProgressEvent> progress) : IProgress<long>
    {
        public void Report(long value) => progress.Report(new LayerUnpacking(layer, value));
    }
}
