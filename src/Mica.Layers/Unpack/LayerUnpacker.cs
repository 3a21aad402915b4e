using System.Security.Cryptography;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Layers;

/// <summary>What came out of a layer's blob.</summary>
/// <param name="Applied">The directory.</param>
/// <param name="DiffId">The digest of every uncompressed byte, those behind the archive's end included.</param>
/// <param name="TarBytes">Uncompressed bytes.</param>
/// <param name="Compression">What the blob was compressed with.</param>
public sealed record UnpackedLayer(AppliedLayer Applied, Digest DiffId, long TarBytes, LayerCompression Compression);

/// <summary>How many threads one layer takes.</summary>
public enum UnpackThreads
{
    /// <summary>Least work in all, and best when there are as many layers at a time as processors.</summary>
    One,

    /// <summary>One decompresses while the other hashes and writes files: best when one layer is alone.</summary>
    Two,
}

/// <summary>
/// The way of one layer from its blob into a directory, in a single pass: decompress, digest, apply. Takes a few MiB of memory
/// whatever the layer's size, and its own threads, since it is busy or blocked all the time.
/// </summary>
public static class LayerUnpacker
{
    /// <summary>
    /// Unpacks <paramref name="layer"/> into the empty directory <paramref name="target"/>; both stay the caller's, and are not
    /// used any more when the task ends, however it ends. The stream is read to its end, synchronously; a digest that its
    /// caller takes of it covers the whole blob. After a failure or cancellation the directory is half-filled. A read that
    /// blocks is waited for: cancel the stream too.
    /// </summary>
    /// <param name="layer">The blob.</param>
    /// <param name="target">See <see cref="LayerApplier.Apply"/>.</param>
    /// <param name="options">See <see cref="LayerApplier.Apply"/>.</param>
    /// <param name="threads">One or two.</param>
    /// <param name="progress">Is told, every so often, how many bytes of the blob have been read in all.</param>
    /// <param name="cancellationToken">Stops between two pieces of content.</param>
    /// <exception cref="MicaException">As <see cref="LayerApplier.Apply"/>, or the blob is damaged.</exception>
    public static Task<UnpackedLayer> UnpackAsync(
        Stream layer,
        DirectoryHandle target,
        LayerApplyOptions options,
        UnpackThreads threads,
        IProgress<long>? progress,
        CancellationToken cancellationToken)
    {
        var result = new TaskCompletionSource<UnpackedLayer>(TaskCreationOptions.RunContinuationsAsynchronously);
        Start("layer unpack", () =>
        {
            try
            {
                // Files get their modes in one call each; the thread is ours, and ends with the layer.
                FileCreationMask.TryClearForThread();
                result.SetResult(Unpack(layer, target, options, threads, progress, cancellationToken));
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                result.SetCanceled(cancellationToken);
            }
            catch (Exception failure)
            {
                result.SetException(failure);
            }
        });
        return result.Task;
    }

    private static UnpackedLayer Unpack(
        Stream layer,
        DirectoryHandle target,
        LayerApplyOptions options,
        UnpackThreads threads,
        IProgress<long>? progress,
        CancellationToken cancellationToken)
    {
        using Stream tar = LayerDecompressor.Open(new ReadingStream(layer, progress), out LayerCompression compression);
        if (threads == UnpackThreads.One)
        {
            using var chunks = new ReadChunks(tar);
            return Apply(chunks, compression, target, options, cancellationToken);
        }

        using var pipe = new ChunkPipe(tar, cancellationToken);
        Thread decompressing = Start("layer decompress", pipe.Fill);
        try
        {
            return Apply(pipe, compression, target, options, cancellationToken);
        }
        catch (Exception) when (pipe.Failure is not null)
        {
            // Whatever the reader of a broken stream says about it, this is why it broke.
            pipe.Failure.Throw();
            throw;
        }
        finally
        {
            pipe.Stop();
            decompressing.Join();
        }
    }

    private static UnpackedLayer Apply(
        IChunkSource chunks,
        LayerCompression compression,
        DirectoryHandle target,
        LayerApplyOptions options,
        CancellationToken cancellationToken)
    {
        using IncrementalHash hash = Digest.CreateHash(Digest.Sha256);
        long tarBytes = 0;
        ReadOnlyMemory<byte> Next()
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadOnlyMemory<byte> chunk = chunks.Next();
            hash.AppendData(chunk.Span);
            tarBytes += chunk.Length;
            return tarBytes <= options.MaxUnpackedBytes ? chunk : throw LayerErrors.TooLarge(options.MaxUnpackedBytes);
        }

        AppliedLayer applied = LayerApplier.Apply(new TarReader(Next), target, options, cancellationToken);
        while (!Next().IsEmpty)
        {
            // The archive has ended; its digest goes on to the end of the bytes.
        }

        return new UnpackedLayer(applied, Digest.FromHash(Digest.Sha256, hash.GetCurrentHash()), tarBytes, compression);
    }

    private static Thread Start(string name, ThreadStart run)
    {
        var thread = new Thread(run) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }
}
